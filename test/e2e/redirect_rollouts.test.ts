/** Health checks, feedback and rollouts of the redirector, on a started program with hosts that really answer. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Rollout } from "../../src/core/redirect/model.ts";
import { rolloutOf } from "../../src/core/redirect/test_decider.ts";
import { readAudit } from "../../src/planes/redirect/service/audit.ts";
import { Records } from "../../src/planes/redirect/service/records/records.ts";
import type { Store } from "../../src/store/contract.ts";
import {
  askRedirector,
  LivingHosts,
  registerAll,
  storedModel,
  storeOf,
  writeModel,
} from "./redirect_hosts.ts";
import { openStore, storeEnvironment } from "../support/store_tools.ts";
import { type RunningFairlead, runFairlead, until } from "./processes_program.ts";

const PATIENCE = 60_000;
const CHECK =
  "health_check: { type: http, path: /alive, interval: 50ms, timeout: 2s, healthy_after: 1, unhealthy_after: 2 }";

/** Which of the clients go to the rollout's flavor. */
async function inRollout(fairlead: RunningFairlead, clients: readonly string[]): Promise<Set<string>> {
  const answers = await Promise.all(
    clients.map((mac) => askRedirector(fairlead, `/serviceDirect/a1?mac=${mac}`)),
  );
  return new Set(clients.filter((_, at) => answers[at]!.headers.get("x-fairlead-type") === "ROLLOUT_RULE"));
}

/** Waits until the rollout stands so in the store. */
async function untilStored(store: Store, wanted: Partial<Rollout>): Promise<void> {
  const stands = async (): Promise<boolean> => {
    const [rollout] = (await storedModel(store)).model.rollouts;
    return Object.entries(wanted).every(([key, value]) => rollout![key as keyof Rollout] === value);
  };
  await until(stands, `the rollout is at ${JSON.stringify(wanted)}`);
}

/** A decision over a WebSocket. */
async function overWebSocket(fairlead: RunningFairlead): Promise<{ readonly feedback: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = new WebSocket(`ws://127.0.0.1:${fairlead.port("redirect")}/serviceDirect/a1`);
  socket.addEventListener("open", () => socket.send("{}"));
  socket.addEventListener("message", ({ data }) => resolve(String(data)));
  socket.addEventListener("error", () => reject(new Error("the WebSocket failed")));
  try {
    return JSON.parse(await promise) as { feedback: string };
  } finally {
    socket.close();
  }
}

function report(fairlead: RunningFairlead, token: string, ok: boolean): Promise<number> {
  const init = {
    method: "POST",
    body: JSON.stringify({ token, ok }),
    headers: { "content-type": "application/json" },
  };
  return askRedirector(fairlead, "/serviceDirect/a1/feedback", init).then(({ status }) => status);
}

/** Hosts that many clients are sent to. */
async function hostsInUse(fairlead: RunningFairlead, count = 24): Promise<string> {
  const answers = await Promise.all(Array.from({ length: count }, () => askRedirector(fairlead)));
  const hosts = answers.map(({ headers }) => new URL(headers.get("location") ?? "http://nobody").hostname);
  return [...new Set(hosts)].toSorted().join(" ");
}

test(
  "RD165 hosts whose checks fail are passed over in all workers, but never all, and come back when they are well",
  async () => {
    using living = new LivingHosts(3);
    const [one, two, three] = living.hosts;
    await using fairlead = await runFairlead(`workers: 2
redirect:
  address: "127.0.0.1:0"
  defaults: { ${CHECK} }
`);
    const store = storeOf(fairlead);
    await registerAll(store, "1.0", [one!, two!]);
    await writeModel(store, 1, living.model());
    const use = (hosts: string, what: string) =>
      until(async () => (await hostsInUse(fairlead)) === hosts, what);
    await use("127.0.0.2 127.0.0.3", "both are in use");
    one!.isWell = false;
    await use("127.0.0.3", "the one that fails is passed over");
    expect(await fairlead.program.until("redirect_hosts_failing")).toMatchObject({
      level: "warning",
      message: "a1: 1 of 2 hosts fail their checks: /EU/z1/1.0/a1/127.0.0.2:8080",
    });
    const where = ["--runtime-dir", `${fairlead.directory}/run`];
    expect((await fairlead.command("redirect", "status", ...where)).out).toMatch(/^a1 +1 +2 +1$/m);
    const explained = await fairlead.command("redirect", "explain", "a1", "--json", ...where);
    expect(JSON.parse(explained.out)).toMatchObject({
      decision: { locations: [{ destination: "127.0.0.3" }] },
      hosts: [{ failing: true }, { failing: false }],
    });
    two!.isWell = false;
    await use("127.0.0.2 127.0.0.3", "all fail, so all serve");
    two!.isWell = true;
    await use("127.0.0.3", "one is well again");
    // One that comes is checked as well, and a reload changes nothing.
    await registerAll(store, "1.0", [three!]);
    await use("127.0.0.3 127.0.0.4", "a new one is in use");
    three!.isWell = false;
    await use("127.0.0.3", "the new one fails");
    const before = `workers: 2
redirect:
  address: "127.0.0.1:0"
  defaults: { ${CHECK}, answer_headers: true }
`;
    await fairlead.apply(before);
    expect(await hostsInUse(fairlead)).toBe("127.0.0.3");
    await fairlead.apply(before.replace(CHECK, "answer: redirect"));
    await use("127.0.0.2 127.0.0.3 127.0.0.4", "without a check all are in use");
    await store.close();
  },
  PATIENCE,
);

test(
  "RD165 feedback with the token of an answer is taken once, and what is forged, replayed or a flood is refused and counted",
  async () => {
    using living = new LivingHosts(1);
    const secret = "s".repeat(40);
    const yaml = (feedback: string) => `workers: 2
redirect:
  address: "127.0.0.1:0"
  apps: { a1: { ${feedback} } }
`;
    await using fairlead = await runFairlead(yaml("feedback: { per_address: 40 }"));
    const store = storeOf(fairlead);
    await registerAll(store, "1.0", living.hosts);
    await writeModel(store, 1, living.model());
    const token = async () => (await askRedirector(fairlead)).headers.get("x-fairlead-feedback");
    await until(async () => (await token()) !== null, "answers carry tokens");
    const one = (await token())!;
    expect(await report(fairlead, one, true)).toBe(204);
    // Another worker than the first one cannot know it; the supervisor does.
    const again = await Promise.all(Array.from({ length: 6 }, () => report(fairlead, one, true)));
    expect(again).toContain(409);
    const forged = `${one.slice(0, 5)}${one[5] === "A" ? "B" : "A"}${one.slice(6)}`;
    expect([await report(fairlead, forged, true), await report(fairlead, "?", true)]).toEqual([401, 400]);
    const counted = (result: string) => fairlead.metric("redirect_feedback_total", `"${result}"`);
    await until(
      async () => (await counted("replayed")) === 6 && (await counted("malformed")) === 1,
      "all is counted",
    );
    expect([await counted("accepted"), await counted("forged")]).toEqual([1, 1]);
    const flood = await Promise.all(Array.from({ length: 200 }, () => report(fairlead, "?", true)));
    expect(flood.filter((status) => status === 429).length).toBeGreaterThan(100);
    await until(async () => (await counted("limited")) > 100, "the flood is counted");

    // A key in the configuration is another one, and JSON answers have the token as well.
    await fairlead.apply(yaml(`answer: locations, feedback: { secret: ${secret} }`));
    const answer = JSON.parse((await askRedirector(fairlead)).text) as { feedback: string };
    expect([await report(fairlead, one, true), await report(fairlead, answer.feedback, false)]).toEqual([
      401, 204,
    ]);
    const spoken = await overWebSocket(fairlead);
    expect(await report(fairlead, spoken.feedback, true)).toBe(204);
    const status = await fairlead.command(
      "redirect",
      "status",
      "--json",
      "--runtime-dir",
      `${fairlead.directory}/run`,
    );
    await until(async () => (await counted("accepted")) === 3, "it is counted");
    expect(`${status.out}${JSON.stringify(fairlead.program.said)}`).not.toContain(secret);
    await fairlead.apply(yaml("answer: redirect"));
    expect(await token()).toBeNull();
    expect(await report(fairlead, one, true)).toBe(404);
    await store.close();
  },
  PATIENCE,
);

test(
  "RD131 from step to step a rollout keeps the clients that it has, in all workers of a running redirector",
  async () => {
    using living = new LivingHosts(2);
    const yaml = `workers: 2
redirect:
  address: "127.0.0.1:0"
  defaults: { answer_headers: true }
`;
    await using fairlead = await runFairlead(yaml);
    const store = storeOf(fairlead);
    await registerAll(store, "1.0", [living.hosts[0]!]);
    await registerAll(store, "2.0", [living.hosts[1]!]);
    const clients = Array.from({ length: 400 }, (_, number) => `client-${number}`);
    const sets: Set<string>[] = [];
    for (const [step, percent] of [1, 5, 25].entries()) {
      const rollouts = [rolloutOf({ step, state: "paused" })];
      await writeModel(store, step + 1, living.model({ rollouts }));
      const acts = async (): Promise<boolean> => {
        const answers = await Promise.all(Array.from({ length: 16 }, () => askRedirector(fairlead)));
        return answers.every(({ headers }) => headers.get("x-fairlead-version") === String(step + 1));
      };
      await until(acts, `the model of step ${step} acts in all workers`);
      sets.push(await inRollout(fairlead, clients));
      expect(Math.abs(sets[step]!.size / 4 - percent)).toBeLessThan(5);
      if (step > 0) expect(sets[step - 1]!.isSubsetOf(sets[step]!)).toBeTrue();
    }
    expect(sets[2]!.size).toBeGreaterThan(sets[1]!.size);
    const explained = await fairlead.command(
      ...["redirect", "explain", "a1", `mac=${[...sets[2]!][0]}`],
      ...["--runtime-dir", `${fairlead.directory}/run`],
    );
    expect(explained.out).toContain("rollout beta\n  yes percent");
    await store.close();
  },
  PATIENCE,
);

test(
  "RD130 probes of a flavor that begin to fail take its rollout back a step, and it stays there",
  async () => {
    using living = new LivingHosts(2);
    const [old, fresh] = living.hosts;
    await using fairlead = await runFairlead(`workers: 2
redirect:
  address: "127.0.0.1:0"
  defaults: { answer_headers: true, ${CHECK} }
`);
    const store = storeOf(fairlead);
    await registerAll(store, "1.0", [old!]);
    await registerAll(store, "2.0", [fresh!]);
    const rollout = rolloutOf({
      steps: [40, 100],
      step: -1,
      since_ms: Date.now(),
      bake_ms: 1_500,
      gate: { max_failing: 0.3, min_samples: 10 },
    });
    await writeModel(store, 1, living.model({ rollouts: [rollout] }));
    await untilStored(store, { step: 0, state: "running" });
    const clients = Array.from({ length: 100 }, (_, number) => `client-${number}`);
    const hasAbout = (percent: number) => async (): Promise<boolean> =>
      Math.abs((await inRollout(fairlead, clients)).size - percent) < 20;
    await until(hasAbout(40), "the first step acts");
    await untilStored(store, { step: 1, state: "running" });
    fresh!.isWell = false;
    await untilStored(store, { step: 0, state: "rolled_back" });
    expect(await fairlead.program.until("redirect_rollout", 3)).toMatchObject({
      level: "warning",
      message: expect.stringMatching(
        /^a1: rollout beta goes back from 100 % to 40 %: .* of \d+ samples fail; at most 30 % may$/,
      ),
      app: "a1",
      kind: "rolled_back",
    });
    await until(hasAbout(40), "the step before acts again");
    fresh!.isWell = true;
    const status = await fairlead.command("redirect", "status", "--runtime-dir", `${fairlead.directory}/run`);
    expect(status.out).toMatch(/^a1: rollout beta at 40 %, rolled_back, \d+ of \d+ samples? fail$/m);
    expect((await storedModel(store)).version).toBe(4);
    const records = new Records(
      () => store,
      () => 2 ** 20,
    );
    const { entries } = await readAudit(records, { app: "a1", before: 99, limit: 1 });
    expect(entries).toMatchObject([
      {
        who: "(rollout)",
        action: "rollback",
        subject: "model 4: rollout beta from step 1 to 0, rolled_back",
        reason: expect.stringContaining("samples fail; at most 30 % may"),
      },
    ]);
    await store.close();
  },
  PATIENCE,
);

test(
  "RD130 reports of clients that fail take a rollout back, of two programs on one store just once",
  async () => {
    using living = new LivingHosts(2);
    const settings = (workers: number, store: string) => `workers: ${workers}
redirect:
  address: "127.0.0.1:0"
  store: { type: sqlite, directory: ${store} }
  defaults: { answer_headers: true, feedback: { secret: ${"x".repeat(32)}, per_address: 1000 } }
`;
    const folder = mkdtempSync(join(tmpdir(), "fairlead-shared-"));
    await using one = await runFairlead(settings(1, folder));
    await using other = await runFairlead(settings(0, folder));
    const store = openStore("sqlite", { directory: folder }, storeEnvironment(folder));
    await registerAll(store, "1.0", [living.hosts[0]!]);
    await registerAll(store, "2.0", [living.hosts[1]!]);
    const gate = { max_failing: 0.2, min_samples: 5 };
    const rollout = rolloutOf({ steps: [30, 100], step: 1, since_ms: Date.now(), bake_ms: 600_000, gate });
    await writeModel(store, 1, living.model({ rollouts: [rollout] }));
    const token = async (fairlead: RunningFairlead, mac: string) =>
      (await askRedirector(fairlead, `/serviceDirect/a1?mac=${mac}`)).headers.get("x-fairlead-feedback");
    for (const fairlead of [one, other])
      await until(async () => (await inRollout(fairlead, ["m"])).size === 1, "the rollout acts");
    // A token of one program is taken by the other, which has the same secret.
    for (let number = 0; number < 10; number++) {
      const ok = number < 6;
      for (const [from, to] of [
        [one, other],
        [other, one],
      ] as const)
        expect(await report(to, (await token(from, `m-${number}`))!, ok)).toBe(204);
    }
    await untilStored(store, { step: 0, state: "rolled_back" });
    const many = Array.from({ length: 100 }, (_, number) => `client-${number}`);
    for (const fairlead of [one, other])
      await until(async () => (await inRollout(fairlead, many)).size < 60, "the step before acts");
    expect((await storedModel(store)).version).toBe(2);
    const told = [one, other].flatMap(({ program }) =>
      program.said.filter(({ event }) => event.startsWith("redirect_rollout")),
    );
    expect(told.map(({ event }) => event)).toEqual(["redirect_rollout"]);
    await store.close();
    rmSync(folder, { recursive: true });
  },
  PATIENCE,
);
