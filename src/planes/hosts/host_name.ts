/** One name of the configuration: what it leads to now, and why. Pure, like everything that decides here. */
import type { BackendPlan, HostsNamePlan, PoolPlan } from "../../core/plan.ts";
import { backendName } from "../../core/health/members.ts";
import { weightOf } from "../../core/health/overrides.ts";
import type { Snapshot } from "../../core/snapshot.ts";
import { Choice, type Decision } from "./choice.ts";
import type { MemberRecord, MemberRecords } from "./member_records.ts";
import { type Family, membersOfFamily, type RankedMember, type Ranker } from "./ranking.ts";

/** `waiting`: nobody is known to be healthy and somebody has not been judged; `down`: every candidate has failed. */
export type NameState = "serving" | "waiting" | "down";

/** What a new decision has changed. */
export interface NameChange {
  readonly name: HostsNamePlan;
  readonly state: NameState;
  /** `down` from the begin of an outage until somebody serves. */
  readonly before: NameState;
  /** "" = none, null = not known. */
  readonly address: string | null;
  /** Null: the address is the same. "" = none. */
  readonly switched: { readonly from: string; readonly to: string; readonly reason: string } | null;
}

/** The candidates of one family of addresses. */
interface FamilyState {
  readonly family: Family;
  members: readonly RankedMember[];
  choice: Choice;
  decision: Decision;
  /** Since when there is no candidate at all, or null. */
  empty_since_ms: number | null;
  /** The addresses that were written last; null = not known. */
  last: readonly string[] | null;
}

const WAITING: Decision = { kind: "waiting", again_ms: null };

export interface NameNeeds {
  readonly pool: PoolPlan;
  readonly ranker: Ranker;
  readonly records: MemberRecords;
}

export class HostName {
  plan: HostsNamePlan;
  state: NameState = "waiting";
  /** Monotonic time of the last change of address or state. */
  changed_at_ms: number;
  #needs: NameNeeds;
  readonly #families: FamilyState[];
  /** Backends whose own names have no address. */
  unresolved: readonly BackendPlan[] = [];
  /** Since when there is one of them, or null. */
  #unresolved_since_ms: number | null = null;
  /** All have failed, and nobody has served since: addresses that come meanwhile do not end an outage. */
  #isOut = false;
  /** What of the pool decides on the order; the candidates stand in the order for this. */
  #rankedFor = "";
  /** What the name leads to: addresses, best first, or null where what stands in the file is not known and stays. */
  #addresses: readonly string[] | null;

  /** `known`: the addresses that stand in the block for this name; null = they could not be read. */
  constructor(plan: HostsNamePlan, needs: NameNeeds, known: readonly string[] | null, now: number) {
    this.plan = plan;
    this.#needs = needs;
    this.#addresses = known;
    this.changed_at_ms = now;
    this.#families = familiesOf(plan).map((family) => ({
      family,
      members: [],
      choice: new Choice(plan),
      decision: WAITING,
      empty_since_ms: null,
      last: known?.filter((address) => address.includes(":") === (family === "ipv6")) ?? null,
    }));
  }

  get pool(): string {
    return this.#needs.pool.name;
  }

  /** All have failed, and nobody has served since. */
  get isOut(): boolean {
    return this.#isOut;
  }

  get addresses(): readonly string[] | null {
    return this.#addresses;
  }

  /** All candidates, best first, with what is known of them. */
  candidates(): (RankedMember & MemberRecord & { readonly in_use: boolean })[] {
    return this.#families.flatMap(({ members, choice, decision }) =>
      members.map((member) => ({
        ...member,
        ...this.#needs.records.of(member),
        in_use: decision.kind === "serving" && choice.current === member.key,
      })),
    );
  }

  /** Goes on under a new plan; false when that is another name in all but its text. */
  adopt(plan: HostsNamePlan, needs: NameNeeds): boolean {
    if (plan.pool !== this.plan.pool || plan.family !== this.plan.family) return false;
    this.plan = plan;
    this.#needs = needs;
    for (const one of this.#families) one.choice = one.choice.withRules(plan);
    return true;
  }

  /** Brings the candidates to what `snapshot` holds. They are ranked anew only when others come or a weight changes. */
  refresh(snapshot: Pick<Snapshot, "members" | "overrides">, rerank: boolean, now: number): void {
    const { pool, ranker } = this.#needs;
    const weights = (backend: BackendPlan) => weightOf(pool.name, backend, snapshot.overrides);
    const { strategy, zones, backends } = pool;
    const rankedFor = JSON.stringify([strategy, zones, backends]);
    const isStale = rerank || rankedFor !== this.#rankedFor;
    this.#rankedFor = rankedFor;
    this.unresolved = backends.filter(
      (backend) =>
        backendName(backend) !== null && (snapshot.members[`${pool.name}/${backend.id}`] ?? []).length === 0,
    );
    this.#unresolved_since_ms = this.unresolved.length > 0 ? (this.#unresolved_since_ms ?? now) : null;
    for (const one of this.#families) {
      const members = membersOfFamily(pool, one.family, snapshot);
      one.empty_since_ms = members.length > 0 ? null : (one.empty_since_ms ?? now);
      if (!isStale && sameKeys(members, one.members)) continue;
      one.members = ranker.rank(members, weights);
      // Addresses of names come one after the other.
      if (one.choice.current === null) one.choice = new Choice(this.plan, this.#keyInFile(one));
    }
  }

  /** The candidate whose address stands in the file: it stays in use if it is healthy. */
  #keyInFile({ members, last }: FamilyState): string | null {
    const [address] = last ?? [];
    return members.find((member) => member.address === address)?.key ?? null;
  }

  /** Decides anew. Null when nothing has changed. */
  decide(now: number): NameChange | null {
    const stateBefore = this.state;
    const before = this.#isOut ? "down" : stateBefore;
    const from = this.#addresses;
    const leaving = this.#reasonToLeave();
    for (const one of this.#families) this.#decideFamily(one, now);
    this.state = this.#stateNow();
    this.#addresses = this.#addressesNow();
    const [old = "", fresh = ""] = [from?.[0], this.#addresses?.[0]];
    const isSwitch = old !== fresh;
    if (!isSwitch && stateBefore === this.state && sameTexts(from, this.#addresses)) return null;
    this.changed_at_ms = now;
    if (this.state !== "waiting") this.#isOut = this.state === "down";
    const switched = isSwitch
      ? { from: old, to: fresh, reason: leaving ?? reasonToTake(before, this.state) }
      : null;
    const address = this.#addresses === null ? null : fresh;
    return { name: this.plan, state: this.state, before, address, switched };
  }

  /** Monotonic time at which it must be decided again although nothing is found until then, or null. */
  get again_ms(): number | null {
    const times = this.#families.flatMap(({ decision }) =>
      decision.kind === "down" ? [] : (decision.again_ms ?? []),
    );
    return times.length === 0 ? null : Math.min(...times);
  }

  /** As long as candidates of the pool may take to fail: so long one whose name has no address is waited for. */
  get #patience_ms(): number {
    const check = this.#needs.pool.health_check;
    return check === null ? 0 : check.timeout_ms + check.interval_ms * (check.unhealthy_after - 1);
  }

  /** So long a first choice waits for backends whose names have no address yet, as for a probe without an answer. */
  get #resolved_ms(): number {
    const since = this.#unresolved_since_ms;
    return since === null ? 0 : since + (this.#needs.pool.health_check?.timeout_ms ?? 0);
  }

  #decideFamily(one: FamilyState, now: number): void {
    const { records, pool } = this.#needs;
    const mostFailures = pool.health_check?.unhealthy_after ?? 1;
    if (one.empty_since_ms !== null) {
      const end = one.empty_since_ms + this.#patience_ms;
      one.decision = end <= now ? { kind: "down" } : { kind: "waiting", again_ms: end };
      return;
    }
    const resolved = this.#resolved_ms;
    if (one.choice.current === null && now < resolved) {
      one.decision = { kind: "waiting", again_ms: resolved };
      return;
    }
    const ranking = one.members.map((member) => {
      const { health, failures, since_ms } = records.of(member);
      const { key, address, backend } = member;
      const failed = failures >= mostFailures;
      return { key, address, last_resort: backend.last_resort, health, failed, since_ms };
    });
    one.decision = one.choice.decide(ranking, now);
    if (one.decision.kind === "serving") one.last = one.decision.addresses;
  }

  #stateNow(): NameState {
    const kinds = new Set(this.#families.map(({ decision }) => decision.kind));
    if (kinds.has("serving")) return "serving";
    return kinds.has("waiting") ? "waiting" : "down";
  }

  #addressesNow(): readonly string[] | null {
    if (this.state === "serving")
      return this.#families.flatMap(({ decision, last }) => (decision.kind === "down" ? [] : (last ?? [])));
    if (this.state === "waiting") return this.#addresses;
    const { on_all_down } = this.plan;
    if (on_all_down === "keep") return this.#addresses;
    return on_all_down === "remove" ? [] : [on_all_down.last_resort];
  }

  /** Why the candidate in use cannot stay, or null while it could. */
  #reasonToLeave(): string | null {
    for (const { choice, members, decision } of this.#families) {
      if (choice.current === null || decision.kind === "down") continue;
      const member = members.find(({ key }) => key === choice.current);
      if (member === undefined) return `${choice.current} takes no new work`;
      const { health, reason } = this.#needs.records.of(member);
      if (health === "unhealthy") return `${choice.current} failed: ${reason}`;
    }
    return null;
  }
}

/** Why another address was taken although nobody had to leave. */
function reasonToTake(before: NameState, state: NameState): string {
  if (state === "down") return "no backend is healthy";
  return before === "serving" ? "a better backend is healthy" : "a backend is healthy";
}

function familiesOf({ family }: HostsNamePlan): Family[] {
  return family === "both" ? ["ipv4", "ipv6"] : [family];
}

function sameKeys(one: readonly RankedMember[], other: readonly RankedMember[]): boolean {
  if (one.length !== other.length) return false;
  const keys = new Map(other.map(({ key, address }) => [key, address]));
  return one.every(({ key, address }) => keys.get(key) === address);
}

function sameTexts(one: readonly string[] | null, other: readonly string[] | null): boolean {
  return one === other || (one !== null && one.join() === other?.join());
}
