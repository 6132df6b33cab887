/** Server-sent events have no end of their own: a drain treats them like tunnels. The real program in processes. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { rawClient, type RawClient } from "../support/raw_client.ts";
import { rawOrigin } from "../support/raw_origin.ts";
import { runFairlead, type RunningFairlead } from "./processes_program.ts";

const PATIENCE = { timeout: 60_000 };
const GET = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
const EVENT = "9\r\ndata: 1\n\n\r\n";

/** An origin that begins a body without an end: a stream of events, or something else. */
const endless = (type: string) =>
  rawOrigin((_, connection) => {
    connection.send(`HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n${EVENT}`);
  });

const configuration = (events: string, other: string, more = "") => `workers: 2
timeouts: { drain: 300ms, drain_tunnels: 3s }
pools: { events: { backends: [{ id: a, url: "${events}" }] }, other: { backends: [{ id: a, url: "${other}" }] } }
routes: [{ name: events, match: "Host(\`events.example\`)", pool: events }, { name: other, pool: other }${more}]`;

async function begun(fairlead: RunningFairlead, host: string): Promise<RawClient> {
  const client = await rawClient(fairlead.port());
  client.send(GET.replace("a.example", host));
  await client.until(() => client.received.includes(EVENT));
  return client;
}

/** Time until the connection is cut, from `since` on. */
async function lifeMs(client: RawClient, since: number): Promise<number> {
  await client.until(() => client.closed, 20_000);
  return performance.now() - since;
}

test(
  "a stream of events outlives a reload, is counted as open, and lives until drain_tunnels when the program ends",
  async () => {
    using events = await endless("text/event-stream; charset=utf-8");
    using other = await endless("application/octet-stream");
    await using fairlead = await runFairlead(configuration(events.url, other.url));
    const [stream, download] = [
      await begun(fairlead, "events.example"),
      await begun(fairlead, "other.example"),
    ];
    expect(await fairlead.metric("tunnels_open")).toBe(1);
    await fairlead.apply(configuration(events.url, other.url, `, { name: more, respond: ready }`));
    expect(await fairlead.metric("tunnels_open")).toBe(1);
    const since = performance.now();
    fairlead.signal("SIGTERM");
    const [streamMs, downloadMs] = await Promise.all([lifeMs(stream, since), lifeMs(download, since)]);
    expect(downloadMs).toBeLessThan(streamMs);
    expect(streamMs).toBeGreaterThan(2_900);
    expect(await fairlead.program.child.exited).toBe(0);
  },
  PATIENCE,
);

test(
  "a backend that is disabled keeps its streams of events until drain_tunnels, and nothing else beyond drain",
  async () => {
    using events = await endless("text/event-stream");
    using other = await endless("application/octet-stream");
    await using fairlead = await runFairlead(configuration(events.url, other.url));
    const runtime = join(fairlead.directory, "run");
    const [stream, download] = [
      await begun(fairlead, "events.example"),
      await begun(fairlead, "other.example"),
    ];
    const since = performance.now();
    for (const id of ["events/a", "other/a"]) {
      const { code, error } = await fairlead.command("backends", "disable", id, "--runtime-dir", runtime);
      expect([code, error]).toEqual([0, ""]);
    }
    const [streamMs, downloadMs] = await Promise.all([lifeMs(stream, since), lifeMs(download, since)]);
    expect(downloadMs).toBeLessThan(streamMs);
    expect(streamMs).toBeGreaterThan(2_900);
    expect(await fairlead.metric("tunnels_open")).toBe(0);
  },
  PATIENCE,
);
