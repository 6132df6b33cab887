/** The part as the supervisor drives it: a hosts file of the test, hooks that are real commands, and a clock of its own. */
import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Resolver } from "node:dns/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HostsPlan, Plan } from "../../core/plan.ts";
import type { Snapshot } from "../../core/snapshot.ts";
import { strategyByName } from "../../core/strategies/all.ts";
import { checkOf, hostsNameOf, hostsOf, planOf, poolOf } from "../../core/test_plan.ts";
import { SeriesSums } from "../../observe/series_sums.ts";
import { SupervisorMetrics } from "../../observe/supervisor_metrics.ts";
import { ManualClock } from "../../platform/clock.ts";
import { HostsFile } from "./hosts_file.ts";
import { HostsPart } from "./part.ts";
import type { HostsEvent } from "./words.ts";

class CountingClock extends ManualClock {
  /** Timers that have not been ended. */
  running = 0;

  override every(intervalMs: number, run: () => void): () => void {
    const end = super.every(intervalMs, run);
    this.running++;
    let ended = false;
    return () => {
      end();
      if (!ended) this.running--;
      ended = true;
    };
  }
}

class World implements AsyncDisposable {
  readonly clock = new CountingClock();
  readonly metrics = new SupervisorMetrics();
  takingOver = false;
  numbers = [1, 2, 3];
  readonly directory = mkdtempSync(join(tmpdir(), "fairlead-hosts-part-"));
  readonly file = join(this.directory, "hosts");
  readonly log = join(this.directory, "told");
  readonly events: HostsEvent[] = [];
  readonly part: HostsPart;
  plan: Plan;

  constructor(settings: Partial<HostsPlan> = {}) {
    this.plan = this.planWith(settings);
    const takingOver = () => this.takingOver;
    this.part = new HostsPart(
      {
        get takingOver() {
          return takingOver();
        },
        snapshot: () => this.snapshot,
        report: (event) => this.events.push(event),
      },
      {
        clock: this.clock,
        metrics: this.metrics,
        strategy: strategyByName,
        random: () => 0,
        machine_hash: 1,
      },
    );
  }

  get snapshot(): Snapshot {
    return {
      generation: 1,
      plan: this.plan,
      files: {},
      health: {},
      members: {},
      overrides: {},
      documents: {},
    };
  }

  /** With a hook that writes down which addresses it was told. */
  planWith(settings: Partial<HostsPlan>): Plan {
    const backends = this.numbers.map((number) => ({ id: `b${number}`, url: `http://10.0.0.${number}:80` }));
    const web = poolOf("web", backends, {
      strategy: { name: "sequential", options: {} },
      health_check: checkOf("tcp", { healthy_after: 1, unhealthy_after: 1 }),
    });
    const script = `echo "$HOSTS_OLD_ADDRESS $HOSTS_NEW_ADDRESS" >> ${this.log}`;
    const hosts = hostsOf([hostsNameOf("db.test", "web")], {
      file: this.file,
      allowed_roots: [this.directory],
      hooks: [{ command: ["/bin/sh", "-c", script], timeout_ms: 5_000 }],
      ...settings,
    });
    return planOf([web], { state_dir: join(this.directory, "state"), hosts });
  }

  async reload(settings: Partial<HostsPlan> | null): Promise<void> {
    const plan = { ...this.planWith(settings ?? {}), ...(settings === null && { hosts: null }) };
    await this.part.planComing(plan);
    this.plan = plan;
    await this.part.planChanged(plan);
    this.part.reloaded();
  }

  probe(number: number, healthy: boolean): void {
    const { endpoint } = this.plan.pools[0]!.backends[number - 1]!;
    this.part.probed(
      { id: `web/b${number}`, endpoint },
      { healthy, reason: healthy ? "connected" : "refused" },
    );
  }

  async until(holds: () => boolean): Promise<void> {
    const end = performance.now() + 10_000;
    while (!holds()) {
      if (performance.now() > end) throw new Error("waited in vain");
      await Bun.sleep(2);
    }
  }

  /** Value of `hosts_name_down`. */
  get downGauge(): number | undefined {
    const sums = new SeriesSums();
    this.metrics.addTo(sums, true);
    return sums.families.get("hosts_name_down")?.numbers.get(`name="db.test"`)?.get("");
  }

  get told(): string[] {
    return existsSync(this.log) ? readFileSync(this.log, "utf8").trimEnd().split("\n") : [];
  }

  get text(): string {
    return readFileSync(this.file, "utf8");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.part.stop();
    rmSync(this.directory, { recursive: true });
  }
}

test("HF34 while the file cannot be written hooks are told nothing, and then what was written", async () => {
  await using world = new World();
  writeFileSync(world.file, "127.0.0.1 localhost\n");
  await world.part.planChanged(world.plan);
  world.probe(1, true);
  await world.until(() => world.told.length === 1);
  rmSync(world.file);
  const failed = () => world.events.filter(({ event }) => event === "hosts_write_failed").length > 0;
  world.probe(2, true);
  world.probe(3, true);
  world.probe(1, false);
  await world.until(failed);
  world.probe(2, false);
  await world.until(() => world.part.status().problem !== null);
  writeFileSync(world.file, "127.0.0.1 localhost\n");
  world.clock.advance(60_000);
  await world.until(() => world.told.length >= 2 && world.text.includes("10.0.0.3"));
  expect(world.told).toEqual([" 10.0.0.1", "10.0.0.1 10.0.0.3"]);
});

test("HF38 a name of ours of which nothing is known is not taken for a foreign one", async () => {
  await using world = new World({
    dns: { address: { host: "127.0.0.1", port: 0 }, ttl_ms: 5_000, upstream: [] },
  });
  await world.part.planChanged(world.plan);
  // Each time another one: they keep answers.
  const resolve = (name: string) => {
    const resolver = new Resolver();
    resolver.setServers([`127.0.0.1:${world.part.status().dns!.port}`]);
    return resolver.resolve4(name);
  };
  const codeOf = (name: string) => resolve(name).catch((error: { code: string }) => error.code);
  expect(await codeOf("foreign.test")).toBe("EREFUSED");
  // This resolver tells an answer without addresses by the same word as an unknown name.
  expect(await codeOf("db.test")).toBe("ENOTFOUND");
  world.probe(1, true);
  expect(await resolve("db.test")).toEqual(["10.0.0.1"]);
});

test("HF33 a dry run that is switched off writes what it has told, and on again leaves the file alone", async () => {
  await using world = new World({ dry_run: true });
  writeFileSync(world.file, "127.0.0.1 localhost\n");
  await world.part.planChanged(world.plan);
  world.probe(1, true);
  await world.reload({ dry_run: false });
  await world.until(() => world.text.includes("10.0.0.1"));
  await world.reload({ dry_run: true });
  const before = world.text;
  world.probe(2, true);
  world.probe(1, false);
  await world.until(() =>
    world.events.some(({ text }) => text.startsWith("dry run: db.test: 10.0.0.1 -> 10.0.0.2")),
  );
  expect(world.text).toBe(before);
  await world.reload({ dry_run: false });
  await world.until(() => world.text.includes("10.0.0.2") && world.told.length === 2);
  expect(world.told).toEqual([" 10.0.0.1", "10.0.0.1 10.0.0.2"]);
});

test("a part that has ended starts no timer again, whatever is found or set after it", async () => {
  await using world = new World({ names: [hostsNameOf("db.test", "web", { failback_ms: 30_000 })] });
  writeFileSync(world.file, "");
  await world.part.planChanged(world.plan);
  world.probe(1, false);
  world.probe(2, true);
  world.probe(1, true);
  expect(world.clock.running).toBe(1);
  await world.part.stop();
  world.probe(3, true);
  world.probe(1, false);
  world.probe(1, true);
  expect(world.clock.running).toBe(0);
});

test("HF31 a reload without the section leaves no series and no timer of its names", async () => {
  await using world = new World();
  writeFileSync(world.file, "");
  await world.part.planChanged(world.plan);
  const rows = () => {
    const sums = new SeriesSums();
    world.metrics.addTo(sums, true);
    return JSON.stringify(sums).includes("hosts_name_down");
  };
  expect(rows()).toBe(true);
  await world.reload(null);
  expect([rows(), world.clock.running]).toEqual([false, 0]);
});

test("HF29 a new program goes on asking for an address that the one before has for longer", async () => {
  await using before = new World({
    dns: { address: { host: "127.0.0.1", port: 0 }, ttl_ms: 5_000, upstream: [] },
    dry_run: true,
  });
  await before.part.planChanged(before.plan);
  const { port } = before.part.status().dns!;
  await using world = new World({
    dns: { address: { host: "127.0.0.1", port }, ttl_ms: 5_000, upstream: [] },
    dry_run: true,
  });
  world.takingOver = true;
  await world.part.planChanged(world.plan);
  world.takingOver = false;
  const serving = world.part.serving();
  while (!world.events.some(({ event }) => event === "hosts_failed")) await Bun.sleep(1);
  await before.part.stop();
  while (world.part.status().dns === null) {
    world.clock.advance(1_000);
    await Bun.sleep(1);
  }
  await serving;
  expect(world.part.status().dns).toEqual({ host: "127.0.0.1", port });
});

test("HF8 all are down until somebody is healthy, also while a new address is judged", async () => {
  await using world = new World();
  await world.part.planChanged(world.plan);
  for (const number of [1, 2, 3]) world.probe(number, false);
  expect(world.downGauge).toBe(1);
  world.numbers = [1, 2, 3, 4];
  await world.reload({});
  expect([world.part.status().names[0]!.state, world.downGauge]).toEqual(["waiting", 1]);
});

test("HF29 a part that ends while it waits for the file of the one before takes neither file nor address", async () => {
  await using world = new World({
    dns: { address: { host: "127.0.0.1", port: 0 }, ttl_ms: 5_000, upstream: [] },
  });
  writeFileSync(world.file, "");
  const { hosts, state_dir } = world.plan;
  const before = new HostsFile(hosts!, state_dir);
  await before.open();
  world.takingOver = true;
  await world.part.planChanged(world.plan);
  world.takingOver = false;
  const serving = world.part.serving();
  const stopped = world.part.stop();
  await before.close();
  await Promise.all([serving, stopped]);
  expect(world.part.status().dns).toBeNull();
  await before.open();
  await before.close();
});
