/**
 * Which hosts are used: those that are registered, and for some time those that have vanished in a way that says more about the
 * store than about them. Sessions end while a store stands still, and with them the registrations of hosts that are well.
 *
 * Hosts stay usable for `grace` when more than `max_loss` of a stack vanish within a second, or when they vanish after an outage
 * of the store. A host that unregisters alone goes at once, and so does everything below a node that was deleted. After an outage
 * nobody can tell the two apart, so until its grace is over only hosts that have come anew since go at once.
 */
import type { Host } from "../../../core/redirect/hosts.ts";
import type { Clock } from "../../../platform/clock.ts";
import { isWithin } from "../../../store/paths.ts";

export interface LossOptions {
  /** Share of a stack's hosts, 0 to 1: when more than that vanish within a second, they stay usable. */
  readonly max_loss: number;
  readonly grace_ms: number;
}

/** Hosts that vanish within this time have vanished together. */
const TOGETHER_MS = 1_000;

export type GraceReason = "many at once" | "store outage";

/** A stack with hosts that are used although they are gone. */
export interface StackGrace {
  /** `/datacenter/zone/flavor/application` */
  readonly stack: string;
  readonly hosts: number;
  readonly reason: GraceReason;
  /** Until the last of them goes. */
  readonly ends_in_ms: number;
}

interface Present {
  readonly host: Host;
  /** How many outages were over when it came. */
  readonly epoch: number;
}

interface Lost {
  readonly host: Host;
  readonly at: number;
}

interface Kept extends Lost {
  readonly until: number;
  readonly reason: GraceReason;
}

class GuardedStack {
  readonly present = new Map<string, Present>();
  /** Those of the last second that are not kept. */
  readonly lost = new Map<string, Lost>();
  readonly kept = new Map<string, Kept>();

  get isEmpty(): boolean {
    return this.present.size + this.lost.size + this.kept.size === 0;
  }
}

export class LossGuard {
  readonly #options: LossOptions;
  readonly #clock: Clock;
  readonly #stacks = new Map<string, GuardedStack>();
  /** Stacks whose usable hosts may have changed since `settle`. */
  #touched = new Set<string>();
  #epoch = 0;
  #graceEnd = Number.NEGATIVE_INFINITY;

  constructor(options: LossOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  /** Paths of all stacks with hosts. */
  get stacks(): Iterable<string> {
    return this.#stacks.keys();
  }

  /** Keys of the hosts of a stack that are registered. */
  registered(stack: string): Iterable<string> {
    return this.#stacks.get(stack)?.present.keys() ?? [];
  }

  /** Hosts of a stack in the order of their keys. */
  usable(stack: string): Host[] {
    const found = this.#stacks.get(stack);
    if (found === undefined) return [];
    const hosts = [...found.present.values(), ...found.kept.values()].map(({ host }) => host);
    return hosts.toSorted((one, other) => (one.key < other.key ? -1 : 1));
  }

  /** A host is registered, for the first time, anew or otherwise than before. */
  add(stack: string, host: Host): void {
    let entry = this.#stacks.get(stack);
    if (entry === undefined) this.#stacks.set(stack, (entry = new GuardedStack()));
    const epoch = entry.present.get(host.key)?.epoch ?? this.#epoch;
    entry.present.set(host.key, { host, epoch });
    entry.lost.delete(host.key);
    for (const [key, { host: kept }] of entry.kept)
      if (key === host.key || isSamePlace(kept, host)) entry.kept.delete(key);
    this.#touched.add(stack);
  }

  /** A host is no longer registered. Nothing happens where it was not. */
  remove(stack: string, key: string): void {
    const entry = this.#stacks.get(stack);
    const present = entry?.present.get(key);
    if (entry === undefined || present === undefined) return;
    entry.present.delete(key);
    const at = this.#clock.now();
    const lost = { host: present.host, at };
    if (hasPlaceOf(entry, present.host)) entry.lost.delete(key);
    else if (present.epoch < this.#epoch && at < this.#graceEnd)
      entry.kept.set(key, { ...lost, until: this.#graceEnd, reason: "store outage" });
    else entry.lost.set(key, lost);
    this.#touched.add(stack);
  }

  /** What is registered in this place is of no use: the host goes at once. */
  drop(stack: string, key: string): void {
    const entry = this.#stacks.get(stack);
    if (entry === undefined) return;
    entry.present.delete(key);
    entry.kept.delete(key);
    entry.lost.delete(key);
    this.#touched.add(stack);
  }

  /** The node of a stack, or one above it, was deleted: all hosts below go at once. */
  dropBelow(prefix: string): void {
    for (const stack of this.#stacks.keys())
      if (isWithin(stack, prefix)) {
        this.#stacks.delete(stack);
        this.#touched.add(stack);
      }
  }

  /** The store is reached again, or for the first time: hosts known by now stay usable until the grace is over. */
  recovered(): void {
    this.#epoch++;
    this.#graceEnd = this.#clock.now() + this.#options.grace_ms;
  }

  /** The hosts were listed after `recovered`: their grace begins with that. */
  listed(): void {
    if (this.#clock.now() < this.#graceEnd) this.#graceEnd = this.#clock.now() + this.#options.grace_ms;
  }

  /** Judges what has happened since the last call; call it after each batch and from time to time. Gives stacks to look at. */
  settle(): ReadonlySet<string> {
    const now = this.#clock.now();
    for (const [stack, entry] of this.#stacks) {
      this.#judge(entry, now);
      for (const [key, { until }] of entry.kept)
        if (until <= now) {
          entry.kept.delete(key);
          this.#touched.add(stack);
        }
      if (entry.isEmpty) this.#stacks.delete(stack);
    }
    const touched = this.#touched;
    this.#touched = new Set();
    return touched;
  }

  #judge(entry: GuardedStack, now: number): void {
    const { present, lost, kept } = entry;
    for (const [key, { at }] of lost) if (at + TOGETHER_MS <= now) lost.delete(key);
    if (lost.size === 0) return;
    const recent = [...kept.values()].filter(({ at }) => at + TOGETHER_MS > now).length + lost.size;
    if (recent === 1 || recent <= this.#options.max_loss * (present.size + recent)) return;
    const until = now + this.#options.grace_ms;
    for (const [key, each] of lost)
      if (!hasPlaceOf(entry, each.host)) kept.set(key, { ...each, until, reason: "many at once" });
    lost.clear();
  }

  /** Stacks with hosts that are used although they are gone. */
  get graces(): readonly StackGrace[] {
    const now = this.#clock.now();
    return [...this.#stacks].flatMap(([stack, { kept }]) => {
      const all = [...kept.values()];
      const [last] = all.toSorted((one, other) => other.until - one.until);
      if (last === undefined) return [];
      return [{ stack, hosts: all.length, reason: last.reason, ends_in_ms: Math.max(0, last.until - now) }];
    });
  }
}

/** The host is registered under another key as well: then it is not missed. */
function hasPlaceOf({ present }: GuardedStack, lost: Host): boolean {
  return [...present.values()].some(({ host }) => isSamePlace(host, lost));
}

/** A host that registers anew may do so under another name. */
function isSamePlace(one: Host, other: Host): boolean {
  return one.ipv4 === other.ipv4 && one.ipv6 === other.ipv6;
}
