/** Backends that are taken out of traffic and back while the program runs: `fairlead backends`, the real program. */
import { afterEach, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { askOnce, rawClient } from "../support/raw_client.ts";
import { Program } from "./processes_fixture.ts";
import { answersOf, runFairlead, until, type RunningFairlead } from "./processes_program.ts";
import { PROGRAM } from "../support/program.ts";

const PATIENCE = { timeout: 60_000 };
const GET = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";

interface Origin {
  readonly name: string;
  readonly url: string;
  /** Requests that wait for `answer`. */
  readonly held: (() => void)[];
  holds: boolean;
  /** Answers 500. */
  broken: boolean;
  stop(): void;
}

const origins: Origin[] = [];
afterEach(() => {
  for (const origin of origins.splice(0)) origin.stop();
});

/** A backend that answers its name, at once or when it is told. */
function origin(name: string): Origin {
  const held: (() => void)[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch() {
      if (made.holds) await new Promise<void>((resolve) => held.push(resolve));
      return made.broken ? new Response(`${name} is broken`, { status: 500 }) : new Response(name);
    },
  });
  const made: Origin = {
    name,
    url: `http://127.0.0.1:${server.port}`,
    held,
    holds: false,
    broken: false,
    stop: () => void server.stop(true),
  };
  origins.push(made);
  return made;
}

const configuration = (backends: readonly Origin[], more = ""): string =>
  `workers: 2
pools:
  web:
    backends: [${backends.map(({ name, url }) => `{ id: ${name}, url: "${url}" }`).join(", ")}]
  spare: { backends: [{ id: a, url: "http://127.0.0.1:9" }] }
routes: [{ name: all, pool: web }]
${more}`;

interface Result {
  readonly ok: boolean;
  readonly error?: string;
  readonly matches?: readonly string[];
  readonly changed?: boolean;
  readonly backends?: readonly { readonly id: string; readonly pool: string; readonly enabled: string }[];
  readonly backend?: { readonly enabled: string; readonly weight: number; readonly overridden: boolean };
}

async function set(fairlead: RunningFairlead, ...words: string[]): Promise<Result> {
  const runtime = join(fairlead.directory, "run");
  const { out, error } = await fairlead.command("backends", ...words, "--runtime-dir", runtime, "--json");
  expect(error).toBe("");
  return JSON.parse(out) as Result;
}

const answers = (fairlead: RunningFairlead, requests = 40) => answersOf(fairlead, requests, GET);

/** Each worker goes round on its own, so a share may be off by one for each of them. */
async function expectShares(fairlead: RunningFairlead, shares: Record<string, number>): Promise<void> {
  const found = await answers(fairlead);
  expect(Object.keys(found).toSorted()).toEqual(Object.keys(shares).toSorted());
  for (const [name, share] of Object.entries(shares))
    expect(Math.abs(found[name]! - share)).toBeLessThanOrEqual(2);
}

test(
  "H-J10/cli drain, enable, weight and reset act at once, are idempotent and audited, and reach every worker",
  async () => {
    const [a, b] = [origin("a"), origin("b")];
    await using fairlead = await runFairlead(configuration([a, b]));
    await expectShares(fairlead, { a: 20, b: 20 });
    expect(await set(fairlead, "drain", "web/a")).toMatchObject({
      ok: true,
      changed: true,
      backend: { enabled: "draining", overridden: true },
    });
    expect(await answers(fairlead)).toEqual({ b: 40 });
    expect(await set(fairlead, "drain", "web/a")).toMatchObject({ ok: true, changed: false });
    expect(await set(fairlead, "enable", "web/a")).toMatchObject({ backend: { overridden: false } });
    await expectShares(fairlead, { a: 20, b: 20 });
    expect(await set(fairlead, "weight", "b", "3")).toMatchObject({ backend: { weight: 3 } });
    await expectShares(fairlead, { a: 10, b: 30 });
    expect(await set(fairlead, "reset", "b")).toMatchObject({ backend: { weight: 1, overridden: false } });
    await expectShares(fairlead, { a: 20, b: 20 });
    const audited = fairlead.program.said.filter(({ event }) => event === "backend_set");
    expect(audited.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^backend web\/a: drains until it is enabled \(uid \d+, pid \d+\)$/),
      expect.stringMatching(/^backend web\/a: enabled /),
      expect.stringMatching(/^backend web\/b: weight 3 /),
      expect.stringMatching(/^backend web\/b: back to the configuration /),
    ]);
  },
  PATIENCE,
);

test(
  "H-H26/cli an id that two pools have is refused with both names, an unknown one and a bad weight with a sentence",
  async () => {
    await using fairlead = await runFairlead(configuration([origin("a"), origin("b")]));
    expect(await set(fairlead, "drain", "a")).toEqual({
      ok: false,
      error: '"a" is in several pools: web/a, spare/a',
      matches: ["web/a", "spare/a"],
    });
    expect(await set(fairlead, "drain", "c")).toMatchObject({ ok: false, error: 'no backend is named "c"' });
    expect(await set(fairlead, "weight", "b", "70000")).toMatchObject({
      ok: false,
      error: "weight 70000: expected a whole number from 0 to 65535",
    });
    const wrong = await fairlead.command("backends", "fly", "--runtime-dir", join(fairlead.directory, "run"));
    expect([wrong.code, wrong.error]).toEqual([
      2,
      expect.stringContaining("fly: expected list, enable, drain"),
    ]);
    const listed = await set(fairlead);
    expect(listed.backends?.map(({ pool, id, enabled }) => `${pool}/${id} ${enabled}`)).toEqual([
      "web/a active",
      "web/b active",
      "spare/a active",
    ]);
    const shown = await fairlead.command("backends", "--runtime-dir", join(fairlead.directory, "run"));
    expect(shown.out.split("\n")[0]).toMatch(/^backend +enabled +weight +addresses$/);
  },
  PATIENCE,
);

test(
  "a disabled backend finishes what it has; what is left at the deadline is cut, and tried elsewhere where that is safe",
  async () => {
    const [a, b] = [origin("a"), origin("b")];
    // Longer than a loaded machine takes to end the command that begins it.
    const timeouts = "timeouts: { drain: 3s, drain_tunnels: 3s }";
    await using fairlead = await runFairlead(configuration([a, b], timeouts));
    a.holds = true;
    await set(fairlead, "drain", "b");
    const [first, get, post] = await Promise.all([1, 2, 3].map(() => rawClient(fairlead.port())));
    // The first is with `a` before the others leave, so that `held[0]` is its answer.
    first!.send(GET);
    await until(() => a.held.length === 1, "the first is with a");
    get!.send(GET);
    post!.send("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 4\r\n\r\nbody");
    await until(() => a.held.length === 3, "all are with a");
    await set(fairlead, "enable", "b");
    expect(await set(fairlead, "disable", "web/a")).toMatchObject({ backend: { enabled: "draining" } });
    a.held[0]!();
    const bodies = await Promise.all(
      [first!, get!].map(async (client) => (await client.answer()).body.toString()),
    );
    expect(bodies.toSorted()).toEqual(["a", "b"]);
    expect((await post!.answer()).status).toBe(503);
    await until(
      async () => (await set(fairlead)).backends?.find(({ id }) => id === "a")?.enabled === "disabled",
      "it is disabled",
    );
    expect(await answers(fairlead, 10)).toEqual({ b: 10 });
  },
  PATIENCE,
);

test(
  "disable --force cuts at once",
  async () => {
    const [a, b] = [origin("a"), origin("b")];
    await using fairlead = await runFairlead(configuration([a, b]));
    a.holds = b.holds = true;
    const clients = await Promise.all([1, 2, 3, 4].map(() => rawClient(fairlead.port())));
    for (const client of clients) client.send(GET);
    await until(() => a.held.length + b.held.length === 4, "all are with a backend");
    const before = b.held.length;
    expect(await set(fairlead, "disable", "web/a", "--force")).toMatchObject({
      backend: { enabled: "disabled" },
    });
    await until(() => b.held.length === 4, "those of a go on with b");
    expect(before).toBeLessThan(4);
    for (const go of b.held) go();
    for (const client of clients) expect((await client.answer()).body.toString()).toBe("b");
  },
  PATIENCE,
);

test(
  "what is set survives reload, upgrade, a killed supervisor and a restart, and ends with reset",
  async () => {
    const [a, b] = [origin("a"), origin("b")];
    await using fairlead = await runFairlead(configuration([a, b]));
    const runtime = join(fairlead.directory, "run");
    await set(fairlead, "drain", "web/a");
    await set(fairlead, "weight", "web/b", "5");
    await fairlead.apply(configuration([a, b], "timeouts: { connect: 3s }"));
    expect(await answers(fairlead, 10)).toEqual({ b: 10 });
    // Gone from the configuration for a while, and back.
    await fairlead.apply(configuration([b]));
    await fairlead.apply(configuration([a, b]));
    expect(await answers(fairlead, 10)).toEqual({ b: 10 });
    expect((await fairlead.command("upgrade", "--runtime-dir", runtime)).code).toBe(0);
    await until(async () => (await set(fairlead)).ok, "the successor answers");
    expect(await answers(fairlead, 10)).toEqual({ b: 10 });
    const listed = await set(fairlead);
    expect(listed.backends).toMatchObject([
      { id: "a", enabled: "draining", overridden: true },
      { id: "b", enabled: "active", weight: 5, configured_weight: 1 },
      { pool: "spare" },
    ]);
    process.kill(Number(readFileSync(join(runtime, "pid"), "utf8")), "SIGKILL");
    const next = new Program(["-c", fairlead.file, "--log-format", "json"], PROGRAM);
    try {
      await next.until("ready");
      expect(await answers(fairlead, 10)).toEqual({ b: 10 });
      expect(await set(fairlead, "reset", "web/a")).toMatchObject({ changed: true });
      expect((await answers(fairlead, 20))["a"]).toBeGreaterThan(0);
      const state = JSON.parse(
        readFileSync(join(fairlead.directory, "state", "backends.json"), "utf8"),
      ) as object;
      expect(state).toEqual({ version: 1, overrides: { "web/b": { weight: 5 } } });
      await fairlead.command("stop", "--runtime-dir", runtime);
    } finally {
      await next.kill();
    }
  },
  PATIENCE,
);

test(
  "a file of state that is damaged is a warning, and what is set is in force though it cannot be kept",
  async () => {
    const [a, b] = [origin("a"), origin("b")];
    await using fairlead = await runFairlead(configuration([a, b]));
    const path = join(fairlead.directory, "state", "backends.json");
    expect(existsSync(path)).toBe(false);
    await set(fairlead, "drain", "web/a");
    writeFileSync(path, "{ not ours");
    const runtime = join(fairlead.directory, "run");
    expect((await fairlead.command("upgrade", "--runtime-dir", runtime)).code).toBe(0);
    expect((await answers(fairlead, 10))["a"]).toBeGreaterThan(0);
    const failed = await fairlead.program.until("state_failed");
    expect(failed.message).toContain(`${path} is not ours or damaged`);
  },
  PATIENCE,
);

test(
  "H-H9 all backends down: 503, those of last resort, or panic, as configured; the metrics say so, and it ends by itself",
  async () => {
    const [a, b, spare] = [origin("a"), origin("b"), origin("spare")];
    const url = ({ url: address }: Origin) => `url: "${address}"`;
    const check =
      "health_check: { type: http, path: /, interval: 50ms, timeout: 1s, unhealthy_after: 1, healthy_after: 1 }";
    const pool = (more: string, rescue = "") =>
      `workers: 2
pools:
  web: { backends: [{ id: a, ${url(a)} }, { id: b, ${url(b)} }${rescue}], ${check}${more} }
routes: [{ name: all, pool: web }]`;
    await using fairlead = await runFairlead(pool(""));
    const conditions = async () => ({
      down: await fairlead.metric("pool_down"),
      panic: await fairlead.metric("pool_panic"),
      last: await fairlead.metric("pool_last_resort"),
    });
    const settled = async (expected: Partial<Awaited<ReturnType<typeof conditions>>>) => {
      const wanted = { down: 0, panic: 0, last: 0, ...expected };
      await until(async () => Bun.deepEquals(await conditions(), wanted), JSON.stringify(wanted));
    };
    await settled({});
    await expectShares(fairlead, { a: 20, b: 20 });

    a.broken = b.broken = true;
    await settled({ down: 1 });
    const refused = await askOnce(fairlead.port(), GET);
    expect([refused.status, refused.body.toString()]).toEqual([
      503,
      expect.stringContaining("no backend is available"),
    ]);
    await fairlead.apply(pool(", on_all_down: panic"));
    await settled({ panic: 1 });
    // Health is not looked at: both are asked, and answer 500 themselves.
    await expectShares(fairlead, { "a is broken": 20, "b is broken": 20 });
    await fairlead.apply(pool(", on_all_down: panic", `, { id: spare, last_resort: true, ${url(spare)} }`));
    await settled({ last: 1 });
    expect(await answers(fairlead)).toEqual({ spare: 40 });
    a.broken = false;
    await settled({});
    expect(await answers(fairlead)).toEqual({ a: 40 });
    await fairlead.apply(pool(", panic_threshold: 60%"));
    await settled({ panic: 1 });
    await expectShares(fairlead, { a: 20, "b is broken": 20 });
    b.broken = false;
    await settled({});
    await expectShares(fairlead, { a: 20, b: 20 });
  },
  PATIENCE,
);

test(
  "H-H8 passive: failures in a row leave a backend out, for longer each time, within the share; all without a health check",
  async () => {
    const [a, b, c] = [origin("a"), origin("b"), origin("c")];
    const url = ({ name, url: address }: Origin) => `{ id: ${name}, url: "${address}" }`;
    // One worker: who is left out is each worker's own finding.
    const pool = (backends: readonly Origin[]) => `workers: 1
pools:
  web:
    backends: [${backends.map(url).join(", ")}]
    outliers: { failures: 3, window: 5s, ejection: 2s, max_ejection: 20s, max_ejected: 34%, statuses: [500] }
routes: [{ name: all, pool: web }]`;
    await using fairlead = await runFairlead(pool([a, b, c]));
    const ejected = (backend: string) => fairlead.metric("backend_ejected", `backend="${backend}"`);
    const warnings = () =>
      fairlead.program.said.filter(({ event }) => event === "worker_warning").map(({ message }) => message);
    a.broken = b.broken = true;
    // Each gets every third request; a and b reach three failures, and one of three may go.
    const found = await answers(fairlead, 30);
    expect((await ejected("a")) + (await ejected("b"))).toBe(1);
    const [gone, stays] = (await ejected("a")) === 1 ? [a, b] : [b, a];
    expect(found[`${gone.name} is broken`]).toBe(3);
    expect(found[`${stays.name} is broken`]).toBeGreaterThan(8);
    expect(warnings().at(0)).toContain(
      `pool web: backend ${gone.name} is left out for 2 s: 3 tries in a row have failed`,
    );
    stays.broken = false;
    await until(async () => (await ejected(gone.name)) === 0, "its time is over");
    await answers(fairlead, 12);
    expect(await ejected(gone.name)).toBe(1);
    expect(warnings().at(-1)).toContain(`backend ${gone.name} is left out for 4 s`);
    expect(await fairlead.metric("backend_ejections_total", `backend="${gone.name}"`)).toBe(2);
    // Kept over a reload.
    await fairlead.apply(`${pool([a, b, c])}\ntimeouts: { connect: 3s }`);
    expect(await ejected(gone.name)).toBe(1);
    expect(Object.keys(await answers(fairlead, 10))).not.toContain(`${gone.name} is broken`);
    gone.broken = false;
    await until(async () => (await ejected(gone.name)) === 0, "its time is over again");
    await expectShares(fairlead, { a: 13, b: 13, c: 13 });

    // The last one that may serve is never left out, nor does anybody stay out who is needed.
    a.broken = true;
    await answers(fairlead, 12);
    expect(await ejected("a")).toBe(1);
    const [drainB, drainC] = [await set(fairlead, "drain", "b"), await set(fairlead, "drain", "c")];
    expect([drainB.ok, drainC.ok]).toEqual([true, true]);
    expect(await answers(fairlead, 5)).toEqual({ "a is broken": 5 });
    expect(await ejected("a")).toBe(0);
  },
  PATIENCE,
);
