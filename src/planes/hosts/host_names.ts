/** All names of a plan: told of plans, members and results, they say what stands in the block, and what has changed. */
import type { HostsPlan, Plan, PoolPlan } from "../../core/plan.ts";
import { membersOfPlan, poolOfId } from "../../core/health/members.ts";
import type { Snapshot } from "../../core/snapshot.ts";
import type { Random, Strategy } from "../../core/strategies/contract.ts";
import { HostName, type NameChange } from "./host_name.ts";
import type { WantedName } from "./lines.ts";
import { MemberRecords, type Probed, type ProbedMember } from "./member_records.ts";
import { Ranker } from "./ranking.ts";

export interface HostNamesOptions {
  /** The strategy with this name; undefined = unknown, which no plan has. */
  readonly strategy: (name: string) => Strategy | undefined;
  readonly random: Random;
  readonly machine_hash: number;
}

/** What a snapshot says of members. */
export type KnownMembers = Pick<Snapshot, "members" | "overrides">;

/** Addresses that stand in the block by name; null = the file could not be read. */
export type AddressesInFile = ReadonlyMap<string, readonly string[]> | null;

export class HostNames {
  readonly #options: HostNamesOptions;
  readonly #records = new MemberRecords();
  #names = new Map<string, HostName>();
  #byPool = new Map<string, HostName[]>();
  /** By name and by alias. */
  #byText = new Map<string, HostName>();
  #pools = new Map<string, PoolPlan>();

  constructor(options: HostNamesOptions) {
    this.#options = options;
  }

  get all(): readonly HostName[] {
    return [...this.#names.values()];
  }

  /** The name of the plan that `text` is the name or an alias of. */
  find(text: string): HostName | undefined {
    return this.#byText.get(text);
  }

  /** Follows `plan` from now on. Names that stay keep what they lead to. */
  planChanged({ hosts, pools }: Plan, known: KnownMembers, inFile: AddressesInFile, now: number): void {
    const names = hosts?.names ?? [];
    const used = new Set(names.map(({ pool }) => pool));
    this.#pools = new Map(pools.filter(({ name }) => used.has(name)).map((pool) => [pool.name, pool]));
    const before = this.#names;
    this.#names = new Map(names.map((plan) => [plan.name, this.#nameOf(plan, before, inFile, now)]));
    this.#byText = new Map(
      this.all.flatMap((name) => [name.plan.name, ...name.plan.aliases].map((text) => [text, name])),
    );
    this.#byPool = Map.groupBy(this.#names.values(), ({ pool }) => pool);
    for (const name of this.#names.values()) name.refresh(known, false, now);
    this.#forgetOthers(known);
  }

  /** An address that has gone may come back as another machine. */
  #forgetOthers({ members }: KnownMembers): void {
    const pools = [...this.#pools.values()];
    this.#records.keepOnly(new Set(membersOfPlan({ pools }, members).map(({ id }) => id)));
  }

  #nameOf(
    plan: HostsPlan["names"][number],
    before: ReadonlyMap<string, HostName>,
    inFile: AddressesInFile,
    now: number,
  ): HostName {
    const pool = this.#pools.get(plan.pool)!;
    const { strategy, random, machine_hash } = this.#options;
    const found = strategy(pool.strategy.name);
    if (found === undefined) throw new Error(`no strategy ${pool.strategy.name}`);
    const ranker = new Ranker(pool, { strategy: found, random, machine_hash });
    const needs = { pool, ranker, records: this.#records };
    const known = before.get(plan.name);
    if (known?.adopt(plan, needs) === true) return known;
    const addresses = known?.addresses ?? (inFile === null ? null : (inFile.get(plan.name) ?? []));
    return new HostName(plan, needs, addresses, now);
  }

  /** Members or what an operator has set has changed in these pools. */
  membersChanged(pools: Iterable<string>, known: KnownMembers, rerank: boolean, now: number): void {
    const changed = [...pools];
    for (const pool of changed)
      for (const name of this.#byPool.get(pool) ?? []) name.refresh(known, rerank, now);
    if (changed.length > 0) this.#forgetOthers(known);
  }

  /** Takes a result. Returns the names that it may matter to. */
  probed(member: ProbedMember, result: Probed, now: number): readonly HostName[] {
    const pool = poolOfId(member.id);
    const check = this.#pools.get(pool)?.health_check ?? null;
    if (check === null || !this.#records.probed(member, result, check, now)) return [];
    return this.#byPool.get(pool) ?? [];
  }

  /** Decides anew for `names`. Returns what has changed. */
  decide(names: readonly HostName[], now: number): NameChange[] {
    return names.flatMap((name) => name.decide(now) ?? []);
  }

  /** When some name must be decided again, or null. */
  get again_ms(): number | null {
    const times = this.all.flatMap(({ again_ms }) => again_ms ?? []);
    return times.length === 0 ? null : Math.min(...times);
  }

  /** What is to stand in the block. */
  wanted(): WantedName[] {
    return this.all.map(({ plan, addresses }) => ({
      names: [plan.name, ...plan.aliases],
      addresses: addresses ?? "keep",
    }));
  }
}
