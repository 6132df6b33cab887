/** Backends that are given by name: real probes and real lookups lead to the address that is written. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { applyDelta } from "../../src/core/health/delta.ts";
import type { HostsNamePlan } from "../../src/core/plan.ts";
import type { Snapshot } from "../../src/core/snapshot.ts";
import { strategyByName } from "../../src/core/strategies/all.ts";
import { seededRandom } from "../../src/core/strategies/random.ts";
import { checkOf, hostsNameOf, hostsOf, planOf, poolOf } from "../../src/core/test_plan.ts";
import { realClock } from "../../src/platform/clock.ts";
import type { NameSource } from "../../src/platform/names.ts";
import { SystemNames } from "../../src/platform/names_system.ts";
import { testDnsServer } from "../../src/platform/names_test_server.ts";
import { FakeNames } from "../../src/platform/names_test_source.ts";
import { HostNames } from "../../src/planes/hosts/host_names.ts";
import { probes } from "../../src/probes/all.ts";
import { HealthKeeper } from "../../src/probes/health_keeper.ts";
import { backend, until, type TestBackend } from "../../src/probes/test_backend.ts";

const directory = mkdtempSync(join(tmpdir(), "fairlead-hosts-names-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A name of the hosts file that follows a pool of these hosts, by the real keeper of health. */
class Following implements AsyncDisposable {
  readonly events: string[] = [];
  readonly #names: HostNames;
  readonly #keeper: HealthKeeper;
  #snapshot: Snapshot;

  private constructor(
    hosts: readonly string[],
    port: number,
    source: NameSource,
    settings: Partial<HostsNamePlan>,
  ) {
    const list = hosts.map((host, index) => ({ id: `b${index + 1}`, url: `http://${host}:${port}` }));
    const timing = { interval_ms: 100, timeout_ms: 500, jitter: 0, healthy_after: 1, unhealthy_after: 1 };
    const pool = poolOf("web", list, {
      strategy: { name: "sequential", options: {} },
      health_check: checkOf("tcp", timing),
    });
    const plan = planOf([pool], { hosts: hostsOf([hostsNameOf("db.test", "web", settings)]) });
    this.#snapshot = {
      generation: 1,
      plan,
      files: {},
      health: {},
      members: {},
      overrides: {},
      documents: {},
    };
    this.#names = new HostNames({ strategy: strategyByName, random: seededRandom(1), machine_hash: 1 });
    this.#names.planChanged(plan, this.#snapshot, new Map(), realClock.now());
    this.#keeper = new HealthKeeper(
      {
        snapshot: () => this.#snapshot,
        publish: (delta) => {
          this.#snapshot = applyDelta(this.#snapshot, delta);
          this.#names.membersChanged(["web"], this.#snapshot, false, realClock.now());
          this.#decide();
        },
      },
      {
        clock: realClock,
        names: source,
        probes,
        random: Math.random,
        report: ({ text }) => this.events.push(text),
        probed: (member, result) => {
          this.#names.probed(member, result, realClock.now());
          this.#decide();
        },
      },
    );
  }

  static async start(
    hosts: readonly string[],
    port: number,
    source: NameSource,
    settings: Partial<HostsNamePlan> = {},
  ): Promise<Following> {
    const following = new Following(hosts, port, source, settings);
    await following.#keeper.planChanged(following.#snapshot.plan);
    return following;
  }

  #decide(): void {
    this.#names.decide(this.#names.all, realClock.now());
  }

  /** What is to stand in the hosts file. */
  get written(): string {
    const { addresses } = this.#names.wanted()[0]!;
    return addresses === "keep" ? "keep" : addresses.join(" ");
  }

  async untilWritten(...addresses: readonly string[]): Promise<void> {
    const wanted = addresses.join(" ");
    try {
      await until(wanted, () => this.written === wanted);
    } catch {
      throw new Error(`waited for ${wanted}, got ${this.written}; ${this.events.join("; ")}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#keeper.stop();
  }
}

function listening(hostname: string, port = 0): TestBackend {
  return backend({}, { hostname, port });
}

test("HF16 of several A and AAAA records the address that was probed is the one that is written", async () => {
  const names = new FakeNames();
  names.set("web.test", ["127.0.2.1", "127.0.2.2", "127.0.2.3", "::1", "2001:db8::1"]);
  const second = listening("127.0.2.2");
  using six = listening("::1", second.port);
  await using following = await Following.start(["web.test"], second.port, names, { family: "both" });
  await following.untilWritten("127.0.2.2", "::1");
  await until("both were probed", () => second.accepted > 0 && six.accepted > 0);

  using third = listening("127.0.2.3", second.port);
  second[Symbol.dispose]();
  await following.untilWritten("127.0.2.3", "::1");
  expect(third.accepted).toBeGreaterThan(0);
});

test("HF16 an address that comes under the key of another is not healthy by what that one was", async () => {
  const names = new FakeNames();
  names.set("web.test", ["127.0.2.1"]);
  using first = listening("127.0.2.1");
  await using following = await Following.start(["web.test"], first.port, names);
  await following.untilWritten("127.0.2.1");
  const seen: string[] = [];
  names.set("web.test", ["127.0.2.9"]);
  names.change();
  await until("the other address was probed and failed", () => {
    seen.push(following.written);
    return following.events.some((text) => text.includes("is unhealthy (no connection (ECONNREFUSED))"));
  });
  expect(new Set(seen)).toEqual(new Set(["127.0.2.1"]));
});

test("HF12 a name without an address counts as failed and the next backend is taken", async () => {
  const names = new FakeNames();
  names.fail("gone.test", "no such name");
  using good = listening("127.0.2.1");
  await using following = await Following.start(["gone.test", "127.0.2.1"], good.port, names);
  await following.untilWritten("127.0.2.1");
  expect(following.events).toContain("gone.test cannot be resolved (no such name): it has no address");
});

test("HF17 another address of a backend's name is followed after its TTL, by the search list and ndots", async () => {
  await using server = await testDnsServer();
  server.zone.set("web.db.svc.test", [{ address: "127.0.3.1", ttl: 1 }]);
  using first = listening("127.0.3.1");
  using second = listening("127.0.3.2", first.port);
  const resolverFile = join(directory, "resolv.conf");
  writeFileSync(resolverFile, "search ns.test svc.test\noptions ndots:2\n");
  const source = new SystemNames({
    clock: realClock,
    hostsFile: join(directory, "none"),
    resolverFile,
    servers: [server.address],
    hasIpv6: () => false,
  });
  await using following = await Following.start(["web.db"], first.port, source);
  await following.untilWritten("127.0.3.1");
  expect(server.questions.filter((question) => question.startsWith("A "))).toEqual([
    "A web.db.ns.test",
    "A web.db.svc.test",
  ]);
  const begin = performance.now();
  server.zone.set("web.db.svc.test", [{ address: "127.0.3.2", ttl: 1 }]);
  await following.untilWritten("127.0.3.2");
  expect(performance.now() - begin).toBeLessThan(2_500);
  expect(second.accepted).toBeGreaterThan(0);
});

test("HF17 the hosts file comes before DNS, without our block, whose names are never those of backends", async () => {
  await using server = await testDnsServer();
  server.zone.set("web.test", [{ address: "127.0.4.1", ttl: 1 }]);
  using first = listening("127.0.4.1");
  using second = listening("127.0.4.2", first.port);
  using block = listening("127.0.4.9", first.port);
  const hostsFile = join(directory, "hosts");
  const ours = "# BEGIN FAIRLEAD MANAGED BLOCK\r\n127.0.4.9  web.test\r\n# END FAIRLEAD MANAGED BLOCK\r\n";
  const original = ours.replaceAll("FAIRLEAD", "REDIRECTOR");
  const write = (text: string): void => {
    writeFileSync(`${hostsFile}.new`, text);
    renameSync(`${hostsFile}.new`, hostsFile);
  };
  write(ours);
  const source = new SystemNames({
    clock: realClock,
    hostsFile,
    resolverFile: join(directory, "none"),
    servers: [server.address],
    hasIpv6: () => false,
  });
  await using following = await Following.start(["web.test"], first.port, source);
  await following.untilWritten("127.0.4.1");
  write(`${ours}127.0.4.2 web.test\n`);
  await following.untilWritten("127.0.4.2");
  write(original);
  await following.untilWritten("127.0.4.1");
  expect([second.accepted > 0, block.accepted]).toEqual([true, 0]);
});
