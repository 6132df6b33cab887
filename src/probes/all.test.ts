/** What holds for every probe. A new one needs an entry in OPTIONS: its smallest options. */
import { afterAll, expect, test } from "bun:test";
import { z } from "zod";
import { socketAddress } from "../platform/socket_address.ts";
import { probeByName, probes } from "./all.ts";
import type { ProbeResult } from "./contract.ts";
import {
  backend,
  blackHole,
  checkOnce,
  openDescriptors,
  targetOf,
  testDirectory,
  until,
} from "./test_backend.ts";

const OPTIONS: Readonly<Record<string, object>> = { http: {}, tcp: { expect: "x" } };
/** Settings that every probe has beside its own. */
const COMMON = ["type", "interval", "timeout", "jitter", "healthy_after", "unhealthy_after", "port"];

const directory = testDirectory();
afterAll(() => directory[Symbol.dispose]());

test("names are unique and lower case, and each finds its probe", () => {
  const names = probes.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const probe of probes) {
    expect(probe.name).toMatch(/^[a-z][a-z0-9_]*$/);
    expect(probe.summary).toMatch(/^[A-Z].*\.$/);
    expect(probeByName(probe.name)).toBe(probe);
  }
  expect(Object.keys(OPTIONS).toSorted()).toEqual(names.toSorted());
  expect(probeByName("none")).toBeUndefined();
});

for (const probe of probes) {
  const options = OPTIONS[probe.name]!;

  test(`${probe.name}: the schema is a strict object with descriptions, takes no common setting, and gives plain JSON`, () => {
    if (!(probe.schema instanceof z.ZodObject)) throw new Error("not an object");
    const shape = probe.schema.shape as Readonly<Record<string, z.ZodType>>;
    for (const [key, schema] of Object.entries(shape)) {
      expect(COMMON).not.toContain(key);
      expect([key, typeof schema.meta()?.["description"]]).toEqual([key, "string"]);
    }
    expect(probe.schema.safeParse({ ...options, surely_unknown: 1 }).success).toBe(false);
    const parsed = probe.schema.parse(options);
    expect(JSON.parse(JSON.stringify(parsed))).toEqual(parsed);
  });

  test(`${probe.name}: a refused connection and a missing socket fail with a reason, once`, async () => {
    const gone = backend({});
    gone[Symbol.dispose]();
    for (const endpoint of [gone.endpoint, { kind: "unix", path: directory.file("none.sock") }] as const) {
      const results: ProbeResult[] = [];
      const check = probe.create(probe.schema.parse(options), targetOf(endpoint));
      const cancel = check.start(socketAddress(endpoint), (result) => results.push(result));
      await until("the check has ended", () => results.length > 0);
      cancel();
      expect(results).toEqual([
        { healthy: false, reason: expect.stringMatching(/^no connection \(E[A-Z]+\)$/) },
      ]);
    }
  });

  test(`${probe.name}: a check that is ended frees its descriptor at once and says nothing more`, async () => {
    using silent = backend({});
    using hole = await blackHole();
    const before = openDescriptors();
    for (const [endpoint, tls] of [
      [silent.endpoint, false],
      [silent.endpoint, true],
      [hole.endpoint, false],
    ] as const) {
      const results: ProbeResult[] = [];
      const check = probe.create(probe.schema.parse(options), targetOf(endpoint, { tls }));
      const accepted = silent.accepted;
      const cancel = check.start(socketAddress(endpoint), (result) => results.push(result));
      if (endpoint === silent.endpoint) await until("connected", () => silent.accepted > accepted);
      cancel();
      cancel();
      await until("the backend sees the end", () => silent.open === 0);
      expect(results).toEqual([]);
    }
    expect(openDescriptors()).toBeLessThanOrEqual(before);
  });

  test(`${probe.name}: 500 checks leave no descriptor behind`, async () => {
    using talker = backend({
      open: (socket) => void socket.end("HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\nx"),
    });
    const before = openDescriptors();
    for (let round = 0; round < 25; round++) {
      const checks = Array.from({ length: 20 }, () => checkOnce(probe, options, targetOf(talker.endpoint)));
      for (const { reason } of await Promise.all(checks)) expect(reason).not.toBe("timeout");
    }
    await until("all are closed", () => talker.open === 0);
    expect(openDescriptors()).toBeLessThanOrEqual(before);
  });
}
