/** The hosts of an application by stack and flavor, and whose turn it is. */
import type { Candidate, Picker, Random, Strategy } from "../strategies/contract.ts";

export interface Host {
  /** Stable over updates: what it registered as. */
  readonly key: string;
  /** An IPv4 address or a host name, or null. */
  readonly ipv4: string | null;
  readonly ipv6: string | null;
  /** 0 = no traffic. */
  readonly weight: number;
}

/** The hosts of one stack and flavor. */
export interface StackHosts {
  /** `/datacenter/zone` */
  readonly stack: string;
  readonly flavor: string;
  readonly hosts: readonly Host[];
}

/** A host that can be chosen, and where it stands. */
export interface HostCandidate extends Candidate {
  readonly host: Host;
  readonly stack: string;
  readonly flavor: string;
}

/** Which hosts are meant: of a flavor or of `/datacenter/zone/flavor`, on whitelisted stacks or on the others. */
export interface Selection {
  readonly path: string;
  readonly whitelisted: boolean;
}

export interface HostPoolsOptions {
  readonly whitelist: readonly string[];
  readonly strategy: Strategy;
  readonly random: Random;
  /** The own datacenter comes first while so many of its hosts are there; null = all are alike. */
  readonly spill_over: { readonly datacenter: string; readonly min_hosts: number } | null;
}

/** Where the chosen host stands with respect to the own datacenter; counted. */
export type Spill = "local" | "mixed" | "remote";

export interface HostPool {
  readonly picker: Picker;
  readonly candidates: readonly HostCandidate[];
  readonly spill: Spill;
}

/** Hosts to choose from, and by which addresses. */
export interface FamilyPool {
  readonly pool: HostPool;
  readonly ip_version: 4 | 6;
}

const NO_OPTIONS: object = {};
/** Decisions that are kept for the clients to come: about 1 KiB each with what is made of them. */
const MOST_SHARED = 4_096;

/** Pools of hosts, made when they are first asked for. Turns go on from the pools before. */
export class HostPools {
  readonly stacks: readonly StackHosts[];
  readonly #options: HostPoolsOptions;
  readonly #before: HostPools | null;
  readonly #whitelist: ReadonlySet<string>;
  readonly #pools = new Map<string, HostPool | null>();
  /** By what is wanted. */
  readonly #families = new Map<string, FamilyPool | null>();
  #unhealthy: ReadonlySet<string>;
  #shared = 0;

  constructor(stacks: readonly StackHosts[], options: HostPoolsOptions, before: HostPools | null) {
    this.stacks = stacks;
    this.#options = options;
    this.#whitelist = new Set(options.whitelist);
    this.#unhealthy = before === null ? new Set() : before.#unhealthy;
    // Only the pools right before: those before them are let go.
    this.#before = before === null ? null : before.#detached();
  }

  #detached(): HostPools {
    const copy = new HostPools(this.stacks, this.#options, null);
    for (const [key, pool] of this.#pools) copy.#pools.set(key, pool);
    return copy;
  }

  /** The hosts of `selection` with an address of `family` (0 = any), or null where there is none. */
  pool(selection: Selection, family: 0 | 4 | 6): HostPool | null {
    const key = `${family} ${selection.whitelisted ? "+" : "-"} ${selection.path}`;
    let pool = this.#pools.get(key);
    if (pool === undefined) {
      pool = this.#makePool(key, this.#candidates(selection, family));
      this.#pools.set(key, pool);
    }
    return pool;
  }

  /**
   * The hosts of `selection` with an address of the wanted family. Where none has one, the original (`compat`) gives up, and we take
   * the other family: a client that cannot use it is no worse off. Null where there are no hosts.
   */
  forFamily(selection: Selection, wanted: 4 | 6, compat: boolean): FamilyPool | null {
    const key = `${wanted} ${selection.whitelisted ? "+" : "-"} ${selection.path}`;
    let found = this.#families.get(key);
    if (found === undefined) {
      const pool = this.pool(selection, compat ? 0 : wanted);
      const other = wanted === 4 ? 6 : 4;
      const others = pool === null && !compat ? this.pool(selection, other) : null;
      if (pool !== null) found = { pool, ip_version: wanted };
      else found = others === null ? null : { pool: others, ip_version: other };
      this.#families.set(key, found);
    }
    return found;
  }

  /** Whether so many decisions may be kept for the clients to come; they count as kept then. */
  mayShare(decisions: number): boolean {
    if (this.#shared + decisions > MOST_SHARED) return false;
    this.#shared += decisions;
    return true;
  }

  /** Keys of hosts whose checks fail. */
  get unhealthy(): ReadonlySet<string> {
    return this.#unhealthy;
  }

  /** Keys of hosts whose checks fail: they are passed over where others are left. */
  setUnhealthy(keys: ReadonlySet<string>): void {
    this.#unhealthy = keys;
    for (const pool of this.#pools.values()) if (pool !== null) this.#judge(pool.candidates);
  }

  #judge(candidates: readonly HostCandidate[]): void {
    for (const candidate of candidates) candidate.available = !this.#unhealthy.has(candidate.key);
    if (candidates.some(({ available, weight }) => available && weight > 0)) return;
    for (const candidate of candidates) candidate.available = true;
  }

  #makePool(key: string, all: readonly HostCandidate[]): HostPool | null {
    const { candidates, spill } = this.#nearest(all);
    if (candidates.every(({ weight }) => weight === 0)) return null;
    this.#judge(candidates);
    const { strategy, random } = this.#options;
    const before = this.#before === null ? null : (this.#before.#pools.get(key)?.picker ?? null);
    return { picker: strategy.create(candidates, NO_OPTIONS, random, before), candidates, spill };
  }

  #candidates({ path, whitelisted }: Selection, family: 0 | 4 | 6): HostCandidate[] {
    const isStack = path.includes("/");
    return this.stacks
      .filter(({ stack, flavor }) => (isStack ? `${stack}/${flavor}` === path : flavor === path))
      .filter(({ stack }) => this.#whitelist.has(stack) === whitelisted)
      .flatMap(({ stack, flavor, hosts }) =>
        hosts
          .filter((host) => family === 0 || addressOf(host, family) !== null)
          .map((host) => candidateOf(host, stack, flavor)),
      );
  }

  #nearest(all: readonly HostCandidate[]): { candidates: readonly HostCandidate[]; spill: Spill } {
    const { spill_over } = this.#options;
    if (spill_over === null) return { candidates: all, spill: "local" };
    const local = all.filter(({ stack }) => stack.startsWith(`/${spill_over.datacenter}/`));
    const living = local.filter(({ weight }) => weight > 0).length;
    if (living >= spill_over.min_hosts) return { candidates: local, spill: "local" };
    return { candidates: all, spill: living === 0 ? "remote" : "mixed" };
  }
}

function candidateOf(host: Host, stack: string, flavor: string): HostCandidate {
  return {
    host,
    stack,
    flavor,
    key: host.key,
    weight: host.weight,
    available: true,
    in_flight: 0,
    latency_ms: 0,
    limit: 0,
  };
}

export function addressOf(host: Host, family: 4 | 6): string | null {
  return family === 6 ? host.ipv6 : host.ipv4;
}
