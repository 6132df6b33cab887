/** Where names lead, by what probes find: no file, no socket, and a clock that the test moves. */
import { describe, expect, test } from "bun:test";
import type { HostsNamePlan, Plan, PoolPlan } from "../../core/plan.ts";
import { strategyByName } from "../../core/strategies/all.ts";
import { seededRandom } from "../../core/strategies/random.ts";
import { hostsNameOf, hostsOf, planOf, poolOf, checkOf, type TestBackend } from "../../core/test_plan.ts";
import { ManualClock } from "../../platform/clock.ts";
import type { NameChange } from "./host_name.ts";
import { changeEvent } from "./words.ts";
import { HostNames, type AddressesInFile, type KnownMembers } from "./host_names.ts";

const NOBODY: KnownMembers = { members: {}, overrides: {} };

/** The original's rules: one result decides, nobody is gone back to, the next one follows. */
const ORIGINAL: Partial<HostsNamePlan> = { failover: "next", failback_ms: null };

/** Backends `b1`, `b2`, … at 10.0.0.1, 10.0.0.2, … */
function backends(count: number): TestBackend[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `b${index + 1}`,
    url: `http://10.0.0.${index + 1}:80`,
  }));
}

function pool(
  list: readonly TestBackend[],
  settings: Partial<PoolPlan> = {},
  healthyAfter = 1,
  unhealthyAfter = 1,
): PoolPlan {
  return poolOf("web", list, {
    strategy: { name: "sequential", options: {} },
    health_check: checkOf("tcp", { healthy_after: healthyAfter, unhealthy_after: unhealthyAfter }),
    ...settings,
  });
}

class World {
  readonly clock = new ManualClock();
  readonly names: HostNames;
  readonly changes: NameChange[] = [];
  plan: Plan;
  known: KnownMembers = NOBODY;

  constructor(web: PoolPlan, names: readonly HostsNamePlan[], inFile: AddressesInFile = new Map(), seed = 1) {
    this.names = new HostNames({ strategy: strategyByName, random: seededRandom(seed), machine_hash: seed });
    this.plan = planOf([web], { hosts: hostsOf(names) });
    this.names.planChanged(this.plan, this.known, inFile, this.clock.now());
    this.decide();
  }

  decide(): void {
    this.changes.push(...this.names.decide(this.names.all, this.clock.now()));
  }

  /** A probe of a backend ends. */
  probe(key: string, healthy: boolean, times = 1): void {
    const backend = this.plan.pools[0]!.backends.find(({ id }) => id === key.split("@")[0])!;
    const [, host] = key.split("@");
    const endpoint = host === undefined ? backend.endpoint : { ...backend.endpoint, host };
    for (let time = 0; time < times; time++) {
      const result = { healthy, reason: healthy ? "connected" : "no connection (ECONNREFUSED)" };
      const names = this.names.probed({ id: `web/${key}`, endpoint }, result, this.clock.now());
      this.changes.push(...this.names.decide(names, this.clock.now()));
    }
  }

  up(...keys: readonly string[]): void {
    for (const key of keys) this.probe(key, true);
  }

  down(...keys: readonly string[]): void {
    for (const key of keys) this.probe(key, false);
  }

  /** Names of backends have these addresses from now on. */
  members(members: KnownMembers["members"]): void {
    this.known = { ...this.known, members };
    this.names.membersChanged(["web"], this.known, false, this.clock.now());
    this.decide();
  }

  reload(web: PoolPlan, names: readonly HostsNamePlan[] = this.plan.hosts!.names): void {
    this.plan = planOf([web], { hosts: hostsOf(names) });
    this.names.planChanged(this.plan, this.known, new Map(), this.clock.now());
    this.decide();
  }

  /** Time passes; what must be decided again then is. */
  pass(ms: number): void {
    const end = this.clock.now() + ms;
    for (let at = this.names.again_ms; at !== null && at <= end; at = this.names.again_ms) {
      this.clock.advance(at - this.clock.now());
      this.decide();
      if (this.names.again_ms === at) throw new Error("decides again and again at one time");
    }
    this.clock.advance(end - this.clock.now());
  }

  /** What the first name leads to. */
  get addresses(): readonly string[] | "keep" {
    return this.names.wanted()[0]!.addresses;
  }

  get switches(): number {
    return this.changes.filter(({ switched }) => switched !== null).length;
  }
}

const name = (settings: Partial<HostsNamePlan> = {}) => [hostsNameOf("db.test", "web", settings)];

describe("start", () => {
  test("HF4 nothing is chosen before a probe has succeeded, and keep leaves what stands in the file", () => {
    const world = new World(pool(backends(2)), name(), new Map([["db.test", ["10.9.9.9"]]]));
    expect(world.addresses).toEqual(["10.9.9.9"]);
    world.down("b1", "b2");
    expect(world.names.all[0]!.state).toBe("down");
    expect(world.addresses).toEqual(["10.9.9.9"]);
    expect(world.switches).toBe(0);
    world.up("b2");
    expect(world.addresses).toEqual(["10.0.0.2"]);
  });

  test("HF4 remove and last_resort wait until every candidate has failed unhealthy_after times", () => {
    for (const [on_all_down, expected] of [
      ["remove", []],
      [{ last_resort: "10.8.8.8" }, ["10.8.8.8"]],
    ] as const) {
      const before = new Map([["db.test", ["10.9.9.9"]]]);
      const world = new World(pool(backends(2), {}, 1, 3), name({ on_all_down }), before);
      world.probe("b1", false, 3);
      world.probe("b2", false, 2);
      expect([world.names.all[0]!.state, world.addresses]).toEqual(["waiting", ["10.9.9.9"]]);
      world.probe("b2", false);
      expect([world.names.all[0]!.state, world.addresses]).toEqual(["down", expected]);
    }
  });

  test("HF9 a name that never had an address is not said to keep it", () => {
    const texts = (inFile: AddressesInFile): (string | undefined)[] => {
      const world = new World(pool(backends(1)), name(), inFile);
      world.down("b1");
      return world.changes.map((change) => changeEvent(change, false)?.text);
    };
    const down = "db.test: no backend of pool web is healthy; ";
    expect(texts(new Map())).toEqual([`${down}it has no address`]);
    expect(texts(new Map([["db.test", ["127.0.1.9"]]]))).toEqual([`${down}its last address stays`]);
    expect(texts(null)).toEqual([`${down}what stands in the file stays`]);
  });

  test("HF4 a name that has no address at all is down after as long as its probes might have taken", () => {
    const named = [{ id: "b1", url: "http://nowhere.test:80" }];
    const world = new World(
      pool(named, {}, 1, 3),
      name({ on_all_down: "remove" }),
      new Map([["db.test", ["10.9.9.9"]]]),
    );
    const { interval_ms, timeout_ms } = world.plan.pools[0]!.health_check!;
    world.pass(timeout_ms + 2 * interval_ms - 1);
    expect(world.names.all[0]!.state).toBe("waiting");
    world.pass(1);
    expect([world.names.all[0]!.state, world.addresses]).toEqual(["down", []]);
  });

  test("HF5 the first in the strategy's order that answers is chosen, however quick those behind it are", () => {
    const world = new World(pool(backends(3)), name());
    world.up("b3", "b2");
    expect(world.addresses).toEqual([]);
    world.down("b1");
    expect(world.addresses).toEqual(["10.0.0.2"]);
    expect(world.changes).toEqual([
      expect.objectContaining({
        before: "waiting",
        state: "serving",
        switched: expect.objectContaining({ from: "", to: "10.0.0.2" }),
      }),
    ]);
  });

  test("HF5 the address that stands in the file stays while it is healthy, so that a restart changes nothing", () => {
    const world = new World(pool(backends(3)), name(), new Map([["db.test", ["10.0.0.2"]]]));
    world.up("b1", "b3");
    expect(world.addresses).toEqual(["10.0.0.2"]);
    world.up("b2");
    expect([world.addresses, world.switches]).toEqual([["10.0.0.2"], 0]);
  });

  test("HF5 what stands in a file that cannot be read is kept", () => {
    const world = new World(pool(backends(2)), name(), null);
    expect(world.addresses).toBe("keep");
    world.up("b1");
    expect(world.addresses).toEqual(["10.0.0.1"]);
  });
});

describe("failover and failback", () => {
  test("HF6 with the original's rules the next one follows, round and round, and nobody returns", () => {
    const world = new World(pool(backends(3)), name(ORIGINAL));
    world.up("b1", "b2", "b3");
    const led = [world.addresses];
    world.down("b1");
    led.push(world.addresses);
    world.up("b1");
    led.push(world.addresses);
    world.down("b2");
    led.push(world.addresses);
    world.up("b2");
    world.down("b3");
    led.push(world.addresses);
    expect(led).toEqual([["10.0.0.1"], ["10.0.0.2"], ["10.0.0.2"], ["10.0.0.3"], ["10.0.0.1"]]);
  });

  test("HF6 without the original's rules the best healthy one follows", () => {
    const world = new World(pool(backends(3)), name());
    world.down("b1");
    world.up("b2", "b3", "b1");
    expect(world.addresses).toEqual(["10.0.0.2"]);
    world.down("b2");
    expect(world.addresses).toEqual(["10.0.0.1"]);
  });

  test("HF7 random begins anywhere, the next one differs from the last, and one backend is enough", () => {
    const random: Partial<PoolPlan> = { strategy: { name: "random", options: {} } };
    const first = new Set<unknown>();
    for (let seed = 1; seed <= 200; seed++) {
      const world = new World(pool(backends(4), random), name(ORIGINAL), new Map(), seed);
      world.up("b1", "b2", "b3", "b4");
      first.add(world.addresses[0]);
      for (let turn = 0; turn < 8; turn++) {
        const before = world.addresses[0] as string;
        world.down(`b${before.split(".")[3]}`);
        expect(world.addresses[0]).not.toBe(before);
        world.up(`b${before.split(".")[3]}`);
      }
    }
    expect(first.size).toBe(4);
    const alone = new World(pool(backends(1), random), name(ORIGINAL));
    alone.up("b1");
    alone.down("b1");
    alone.up("b1");
    expect(alone.addresses).toEqual(["10.0.0.1"]);
  });

  test("HF8 failback immediate returns with the first success that counts", () => {
    const world = new World(pool(backends(2)), name({ failback_ms: 0 }));
    world.down("b1");
    world.up("b2");
    expect(world.addresses).toEqual(["10.0.0.2"]);
    world.up("b1");
    expect(world.addresses).toEqual(["10.0.0.1"]);
  });

  test("HF8 failback after 30s counts from a recovery without a break", () => {
    const world = new World(pool(backends(2)), name({ failback_ms: 30_000 }));
    world.down("b1");
    world.up("b2", "b1");
    world.pass(20_000);
    world.down("b1");
    world.pass(1_000);
    world.up("b1");
    world.pass(29_999);
    expect(world.addresses).toEqual(["10.0.0.2"]);
    world.pass(1);
    expect(world.addresses).toEqual(["10.0.0.1"]);
    expect(world.changes.at(-1)!.switched!.reason).toBe("a better backend is healthy");
  });

  test("HF40 a calendar that jumps by an hour either way changes no waiting time", () => {
    for (const jump of [3_600_000, -3_600_000]) {
      const world = new World(pool(backends(2)), name({ failback_ms: 30_000 }));
      world.down("b1");
      world.up("b2", "b1");
      world.clock.setWall(world.clock.wall() + jump);
      world.pass(29_999);
      expect(world.addresses).toEqual(["10.0.0.2"]);
      world.pass(1);
      expect(world.addresses).toEqual(["10.0.0.1"]);
    }
  });

  test("HF11 with three of each a flapping backend changes nothing before the third", () => {
    const world = new World(pool(backends(2), {}, 3, 3), name({ failback_ms: 0 }));
    world.up("b1", "b2");
    expect(world.addresses).toEqual(["10.0.0.1"]);
    for (let round = 0; round < 10; round++) {
      world.probe("b1", false, 2);
      world.up("b1");
    }
    expect(world.switches).toBe(1);
    world.probe("b1", false, 3);
    expect([world.addresses, world.switches]).toEqual([["10.0.0.2"], 2]);
    for (let round = 0; round < 10; round++) {
      world.probe("b1", true, 2);
      world.down("b1");
    }
    expect(world.switches).toBe(2);
    world.probe("b1", true, 3);
    expect([world.addresses, world.switches]).toEqual([["10.0.0.1"], 3]);
  });

  test("HF11 a backend that has never been healthy needs three successes as well", () => {
    const world = new World(pool(backends(2), {}, 3, 3), name({ failback_ms: 0 }));
    world.down("b1");
    world.up("b2");
    world.probe("b1", true, 2);
    expect(world.addresses).toEqual(["10.0.0.2"]);
    world.up("b1");
    expect(world.addresses).toEqual(["10.0.0.1"]);
  });
});

test("HF9 when all are down: keep, remove, last_resort, told once per outage", () => {
  for (const [on_all_down, expected] of [
    ["keep", ["10.0.0.2"]],
    ["remove", []],
    [{ last_resort: "10.8.8.8" }, ["10.8.8.8"]],
  ] as const) {
    const world = new World(pool(backends(2)), name({ on_all_down }));
    world.up("b1", "b2");
    world.down("b1", "b2");
    expect([world.addresses, world.names.all[0]!.state]).toEqual([expected, "down"]);
    for (let round = 0; round < 5; round++) world.down("b1", "b2");
    expect(world.changes.filter(({ state }) => state === "down").length).toBe(1);
    world.up("b1");
    expect([world.addresses, world.names.all[0]!.state]).toEqual([["10.0.0.1"], "serving"]);
    world.down("b1");
    expect(world.changes.filter(({ state }) => state === "down").length).toBe(2);
  }
});

const DUAL: readonly TestBackend[] = [
  { id: "b1", url: "http://one.test:80" },
  { id: "b2", url: "http://two.test:80" },
];

/** Both backends with an address of each family. */
function dualWorld(settings: Partial<HostsNamePlan>): World {
  const world = new World(pool(DUAL), name(settings));
  world.known = {
    members: { "web/b1": ["10.0.0.1", "fd00::1"], "web/b2": ["10.0.0.2", "fd00::2"] },
    overrides: {},
  };
  world.names.membersChanged(["web"], world.known, false, world.clock.now());
  world.decide();
  return world;
}

test("HF18 IPv4, IPv6, and both as two lines", () => {
  for (const [family, expected] of [
    ["ipv4", ["10.0.0.1"]],
    ["ipv6", ["fd00::1"]],
    ["both", ["10.0.0.1", "fd00::1"]],
  ] as const) {
    const world = dualWorld({ family });
    world.up("b1@10.0.0.1", "b1@fd00::1", "b2@10.0.0.2", "b2@fd00::2");
    expect(world.addresses).toEqual(expected);
  }
});

test("HF18 of both families the one that serves is written alone, and being down takes both", () => {
  const world = dualWorld({ family: "both", on_all_down: "remove" });
  world.up("b1@10.0.0.1", "b1@fd00::1", "b2@10.0.0.2");
  world.down("b2@fd00::2", "b1@fd00::1");
  expect([world.addresses, world.names.all[0]!.state]).toEqual([["10.0.0.1"], "serving"]);
  world.down("b1@10.0.0.1", "b2@10.0.0.2");
  expect([world.addresses, world.names.all[0]!.state]).toEqual([[], "down"]);
});

test("HF35 several names of a pool, aliases, and the three best addresses, best first", () => {
  const names = [
    hostsNameOf("db.test", "web", { aliases: ["db", "sql.test"], max_entries: 3 }),
    hostsNameOf("log.test", "web"),
  ];
  const world = new World(pool(backends(4)), names);
  world.up("b1", "b2", "b3", "b4");
  world.down("b2");
  expect(world.names.wanted()).toEqual([
    { names: ["db.test", "db", "sql.test"], addresses: ["10.0.0.1", "10.0.0.3", "10.0.0.4"] },
    { names: ["log.test"], addresses: ["10.0.0.1"] },
  ]);
  world.down("b1");
  expect(world.addresses).toEqual(["10.0.0.3", "10.0.0.4"]);
});

test("HF35 backends of last resort stand behind nobody who is healthy", () => {
  const list = backends(3).map((backend, index) => ({ ...backend, last_resort: index === 1 }));
  const world = new World(pool(list), name({ max_entries: 3 }));
  world.up("b1", "b2", "b3");
  expect(world.addresses).toEqual(["10.0.0.1", "10.0.0.3"]);
  world.down("b1", "b3");
  expect(world.addresses).toEqual(["10.0.0.2"]);
});

test("HF36 the own zone comes first, a remote one meanwhile, and back by policy", () => {
  const list = backends(3).map((backend, index) => ({ ...backend, zone: ["far", "near", "here"][index]! }));
  const zones = { local: "here", order: ["near"], spill_below: 0.7 };
  for (const [failback_ms, last] of [
    [0, "10.0.0.3"],
    [null, "10.0.0.2"],
  ] as const) {
    const world = new World(pool(list, { zones }), name({ failback_ms }));
    world.up("b1", "b2", "b3");
    expect(world.addresses).toEqual(["10.0.0.3"]);
    world.down("b3");
    expect(world.addresses).toEqual(["10.0.0.2"]);
    world.up("b3");
    expect(world.addresses).toEqual([last]);
  }
});

test("HF7 keyed strategies spread machines: the same machine always gets the same order", () => {
  const keyed: Partial<PoolPlan> = {
    strategy: { name: "rendezvous", options: { hash_on: { kind: "address" } } },
  };
  const counts = new Map<string, number>();
  for (let machine = 1; machine <= 400; machine++) {
    const [one, other] = [1, 2].map(() => {
      const world = new World(pool(backends(4), keyed), name(), new Map(), machine * 2_654_435);
      world.up("b1", "b2", "b3", "b4");
      return world.addresses[0] as string;
    });
    expect(one).toBe(other!);
    counts.set(one!, (counts.get(one!) ?? 0) + 1);
  }
  for (const count of counts.values()) expect(count).toBeGreaterThan(60);
  expect(counts.size).toBe(4);
});

test("a backend that an operator drains or disables is left, and is not gone back to", () => {
  const world = new World(pool(backends(2)), name());
  world.up("b1", "b2");
  world.known = { members: {}, overrides: { "web/b1": { enabled: "draining" } } };
  world.names.membersChanged(["web"], world.known, true, world.clock.now());
  world.decide();
  expect([world.addresses, world.changes.at(-1)!.switched!.reason]).toEqual([
    ["10.0.0.2"],
    "b1 takes no new work",
  ]);
  world.names.membersChanged(["web"], NOBODY, true, world.clock.now());
  world.decide();
  expect(world.addresses).toEqual(["10.0.0.2"]);
});

test("HF31 a reload that changes other things keeps where names lead and what probes have found", () => {
  const world = new World(pool(backends(3)), name());
  world.up("b1", "b2", "b3");
  world.down("b1");
  world.up("b1");
  const plan = planOf([pool(backends(3), { panic_threshold: 0.5 })], {
    hosts: hostsOf([...name({ max_entries: 2 }), hostsNameOf("new.test", "web")]),
  });
  world.names.planChanged(plan, NOBODY, new Map(), world.clock.now());
  world.decide();
  expect(world.names.wanted().map(({ addresses }) => addresses)).toEqual([
    ["10.0.0.2", "10.0.0.1"],
    ["10.0.0.1"],
  ]);
});

describe("addresses that come and go", () => {
  const NAMED: TestBackend[] = [
    { id: "b1", url: "http://one.test:80" },
    { id: "b2", url: "http://two.test:80" },
  ];

  test("HF5 the address that stands in the file stays although its backend's name is resolved after others", () => {
    const world = new World(pool(NAMED), name(), new Map([["db.test", ["10.0.0.2"]]]));
    world.members({ "web/b1": ["10.0.0.1"] });
    world.members({ "web/b1": ["10.0.0.1"], "web/b2": ["10.0.0.2"] });
    world.up("b1@10.0.0.1", "b2@10.0.0.2");
    expect([world.addresses, world.switches]).toEqual([["10.0.0.2"], 0]);
  });

  test("HF5 a backend whose name is not resolved yet is waited for as long as for a probe", () => {
    const world = new World(pool([NAMED[0]!, ...backends(3).slice(1)]), name());
    world.up("b2");
    expect(world.addresses).toEqual([]);
    world.members({ "web/b1": ["10.0.0.1"] });
    world.up("b1@10.0.0.1");
    expect(world.addresses).toEqual(["10.0.0.1"]);

    const without = new World(pool([NAMED[0]!, ...backends(3).slice(1)]), name());
    without.up("b2");
    const { timeout_ms } = without.plan.pools[0]!.health_check!;
    without.pass(timeout_ms - 1);
    expect(without.addresses).toEqual([]);
    without.pass(1);
    expect(without.addresses).toEqual(["10.0.0.2"]);
  });

  test("HF17 an address that has gone and comes back is not believed to be healthy by what was found before", () => {
    const world = new World(pool(NAMED.slice(0, 1)), name());
    world.members({ "web/b1": ["10.0.0.1", "10.0.0.2"] });
    world.up("b1@10.0.0.1", "b1@10.0.0.2");
    world.members({ "web/b1": ["10.0.0.1"] });
    world.members({ "web/b1": ["10.0.0.1", "10.0.0.2"] });
    const healths = world.names.all[0]!.candidates().map(({ health }) => health);
    expect(healths).toEqual(["healthy", "unknown"]);
  });

  test("HF31 a backend that gets another key or port by a reload keeps the name while its address is judged anew", () => {
    const after: Record<string, TestBackend[]> = {
      key: [
        { id: "c1", url: "http://10.0.0.1:80" },
        { id: "b2", url: "http://10.0.0.2:80" },
      ],
      port: [
        { id: "b1", url: "http://10.0.0.1:81" },
        { id: "b2", url: "http://10.0.0.2:80" },
      ],
    };
    for (const [what, list] of Object.entries(after)) {
      const world = new World(pool(backends(2)), name());
      world.up("b1", "b2");
      world.reload(pool(list));
      expect([what, world.addresses, world.switches]).toEqual([what, ["10.0.0.1"], 1]);
      world.up(list[0]!.id!);
      expect([what, world.addresses, world.switches]).toEqual([what, ["10.0.0.1"], 1]);
      world.down(list[0]!.id!);
      expect([what, world.addresses]).toEqual([what, ["10.0.0.2"]]);
    }
  });
});

describe("reasons", () => {
  test("HF9 a name that gets its last resort because nobody answers says so", () => {
    const world = new World(pool(backends(2)), name({ on_all_down: { last_resort: "10.8.8.8" } }));
    world.down("b1", "b2");
    expect(world.changes.at(-1)!.switched!.reason).toBe("no backend is healthy");
  });

  test("HF9 another last resort while all are down is no recovery", () => {
    const world = new World(pool(backends(1)), name({ on_all_down: { last_resort: "10.8.8.8" } }));
    world.down("b1");
    world.reload(pool(backends(1)), name({ on_all_down: { last_resort: "10.7.7.7" } }));
    expect(world.changes.at(-1)!.switched).toEqual({
      from: "10.8.8.8",
      to: "10.7.7.7",
      reason: "no backend is healthy",
    });
  });
});

describe("outages", () => {
  const textsOf = (changes: readonly NameChange[]) =>
    changes.flatMap((change) => changeEvent(change, false)?.text ?? []);

  test("HF9 a name that is kept without an address says that it has none", () => {
    const texts = [[], ["10.9.9.9"], null].map((addresses) => {
      const inFile = addresses === null ? null : new Map([["db.test", addresses]]);
      const world = new World(pool(backends(1)), name(), inFile);
      world.down("b1");
      return textsOf(world.changes);
    });
    expect(texts).toEqual([
      ["db.test: no backend of pool web is healthy; it has no address"],
      ["db.test: no backend of pool web is healthy; its last address stays"],
      ["db.test: no backend of pool web is healthy; what stands in the file stays"],
    ]);
  });

  test("HF9 an outage in which addresses come and go is told once, and so is its end", () => {
    const world = new World(
      pool([{ id: "b1", url: "http://one.test:80" }]),
      name(),
      new Map([["db.test", ["10.0.0.1"]]]),
    );
    world.members({ "web/b1": ["10.0.0.1"] });
    world.down("b1@10.0.0.1");
    world.members({ "web/b1": ["10.0.0.1", "10.0.0.2"] });
    world.down("b1@10.0.0.2");
    world.members({ "web/b1": ["10.0.0.1", "10.0.0.3"] });
    world.up("b1@10.0.0.1");
    expect(textsOf(world.changes)).toEqual([
      "db.test: no backend of pool web is healthy; its last address stays",
      "db.test: a backend of pool web is healthy again",
    ]);
    const outages = world.changes.filter(({ state, before }) => state === "down" && before !== "down");
    expect(outages).toHaveLength(1);
  });
});
