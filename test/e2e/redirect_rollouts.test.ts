/** Health checks, feedback and rollouts of the redirector, on a started program with hosts that really answer. */
import { expect, test } from "bun:test";
import { askRedirector, LivingHosts, registerAll, storeOf, writeModel } from "./redirect_hosts.ts";
import { type RunningFairlead, runFairlead, until } from "./processes_program.ts";

const PATIENCE = 60_000;
const CHECK =
  "health_check: { type: http, path: /alive, interval: 50ms, timeout: 2s, healthy_after: 1, unhealthy_after: 2 }";

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
    const status = await fairlead.command(
      "redirect",
      "status",
      "--json",
      "--runtime-dir",
      `${fairlead.directory}/run`,
    );
    await until(async () => (await counted("accepted")) === 2, "it is counted");
    expect(`${status.out}${JSON.stringify(fairlead.program.said)}`).not.toContain(secret);
    await fairlead.apply(yaml("answer: redirect"));
    expect(await token()).toBeNull();
    expect(await report(fairlead, one, true)).toBe(404);
    await store.close();
  },
  PATIENCE,
);
