import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManualClock } from "./clock.ts";
import { MAX_TTL_MS } from "./names.ts";
import { SystemNames } from "./names_system.ts";
import { testDnsServer } from "./names_test_server.ts";

const directory = mkdtempSync(join(tmpdir(), "fairlead-names-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let files = 0;
function file(text: string): string {
  const path = join(directory, `file-${files++}`);
  writeFileSync(path, text);
  return path;
}

function names(server: string, settings: { hosts?: string; resolver?: string; hasIpv6?: boolean } = {}) {
  return new SystemNames({
    clock: new ManualClock(),
    hostsFile: settings.hosts ?? join(directory, "none"),
    resolverFile: settings.resolver ?? join(directory, "none"),
    servers: [server],
    hasIpv6: () => settings.hasIpv6 ?? true,
  });
}

test("H-E21/names A and AAAA come with the smaller time to live", async () => {
  await using server = await testDnsServer();
  server.zone.set("web.test", [
    { address: "192.0.2.1", ttl: 7 },
    { address: "192.0.2.2", ttl: 9 },
    { address: "2001:db8::1", ttl: 5 },
  ]);
  const source = names(server.address);
  expect(await source.lookup("Web.Test.")).toEqual({
    kind: "found",
    addresses: ["192.0.2.1", "192.0.2.2", "2001:db8::1"],
    ttl_ms: 5_000,
  });
  expect(server.questions.toSorted()).toEqual(["A web.test", "AAAA web.test"]);
  source.close();
});

test("a server that does not answer is named as the reason", async () => {
  const server = await testDnsServer();
  await server[Symbol.asyncDispose]();
  const source = names(server.address);
  const answer = await source.lookup("web.test");
  expect(answer).toMatchObject({ kind: "failed", reason: expect.stringMatching(/ECONNREFUSED|ETIMEOUT/) });
  source.close();
});

test("without IPv6, AAAA is asked for only where there is no A", async () => {
  await using server = await testDnsServer();
  server.zone.set("both.test", [
    { address: "192.0.2.1", ttl: 7 },
    { address: "2001:db8::1", ttl: 5 },
  ]);
  server.zone.set("six.test", [{ address: "2001:db8::1", ttl: 5 }]);
  const source = names(server.address, { hasIpv6: false });
  expect(await source.lookup("both.test")).toMatchObject({ addresses: ["192.0.2.1"], ttl_ms: 7_000 });
  expect(await source.lookup("six.test")).toMatchObject({ addresses: ["2001:db8::1"] });
  expect(server.questions).toEqual(["A both.test", "A six.test", "AAAA six.test"]);
  source.close();
});

test("the hosts file comes first, and is read again when it has changed", async () => {
  await using server = await testDnsServer();
  server.zone.set("web.test", [{ address: "192.0.2.99", ttl: 7 }]);
  const hosts = file("192.0.2.1 web.test\n2001:db8::1 web.test\n");
  const clock = new ManualClock();
  const source = new SystemNames({
    clock,
    hostsFile: hosts,
    servers: [server.address],
    hasIpv6: () => false,
  });
  let changes = 0;
  const unwatch = source.watch(() => changes++);
  expect(await source.lookup("WEB.test")).toEqual({
    kind: "found",
    addresses: ["192.0.2.1", "2001:db8::1"],
    ttl_ms: MAX_TTL_MS,
  });
  clock.advance(1_000);
  expect([changes, server.questions]).toEqual([0, []]);
  renameSync(file("192.0.2.22 web.test\n"), hosts);
  expect(await source.lookup("web.test")).toMatchObject({ addresses: ["192.0.2.22"] });
  clock.advance(1_000);
  expect(changes).toBe(1);
  expect(await source.lookup("web.test")).toMatchObject({ addresses: ["192.0.2.22"] });
  rmSync(hosts);
  clock.advance(1_000);
  expect(changes).toBe(2);
  expect(await source.lookup("web.test")).toMatchObject({ addresses: ["192.0.2.99"], ttl_ms: 7_000 });
  unwatch();
  clock.advance(5_000);
  expect(changes).toBe(2);
  source.close();
});

test("localhost is this machine without a file and without a question", async () => {
  await using server = await testDnsServer();
  const source = names(server.address);
  for (const name of ["localhost", "app.localhost", "LOCALHOST."])
    expect(await source.lookup(name)).toMatchObject({ addresses: ["127.0.0.1", "::1"] });
  expect(server.questions).toEqual([]);
  source.close();
});

test("short names go through the search list", async () => {
  await using server = await testDnsServer();
  server.zone.set("web.svc.test", [{ address: "192.0.2.1", ttl: 7 }]);
  const source = names(server.address, {
    resolver: file("search ns.test svc.test\noptions ndots:5\n"),
    hasIpv6: false,
  });
  expect(await source.lookup("web")).toMatchObject({ addresses: ["192.0.2.1"] });
  expect(server.questions).toEqual(["A web.ns.test", "AAAA web.ns.test", "A web.svc.test"]);
  source.close();
});

test("a name that does not exist, and servers that refuse, fail or say nothing, are failures", async () => {
  await using server = await testDnsServer();
  server.zone.set("refused.test", "refused");
  server.zone.set("failure.test", "failure");
  const source = names(server.address);
  expect(await source.lookup("none.test")).toEqual({ kind: "failed", reason: "no address for none.test" });
  for (const name of ["refused.test", "failure.test"])
    expect(await source.lookup(name)).toMatchObject({
      kind: "failed",
      reason: expect.stringContaining(name),
    });
  server.zone.set("silent.test", "silent");
  const pending = source.lookup("silent.test");
  while (!server.questions.includes("A silent.test")) await Bun.sleep(1);
  source.close();
  expect(await pending).toMatchObject({ kind: "failed" });
});

test("one family that fails is told beside the other", async () => {
  await using server = await testDnsServer();
  server.zone.set("web.test", [{ address: "192.0.2.1", ttl: 7 }]);
  server.zone.set("AAAA web.test", "failure");
  const source = names(server.address);
  expect(await source.lookup("web.test")).toEqual({
    kind: "found",
    addresses: ["192.0.2.1"],
    ttl_ms: 7_000,
    missing: 6,
  });
  source.close();
});
