/** The registrations below `/services` as they were last read: hosts by application and stack, and what could not be used. */
import type { Host, StackHosts } from "../../../core/redirect/hosts.ts";
import type { Clock } from "../../../platform/clock.ts";
import { ancestorsOf, isWithin, parentOf } from "../../../store/paths.ts";
import { LossGuard, type LossOptions, type StackGrace } from "./loss_guard.ts";
import { readRegistration, type WeightOptions } from "./registration.ts";

/** Parts of the path of a host: datacenter, zone, flavor, application, node. */
export const HOST_DEPTH = 5;

/** What was found in the store since the last time. Paths begin with the datacenter. */
export interface TreeChanges {
  /** There are no services at all: nobody who means it deletes them, so hosts vanish as after an outage. */
  readonly isEmpty: boolean;
  /** Nodes above hosts that are no longer there. */
  readonly deleted: readonly string[];
  /** Hosts that are no longer there. */
  readonly gone: readonly string[];
  /** What stands in the nodes of hosts; a text says why it could not be read. */
  readonly found: ReadonlyMap<string, Uint8Array | string>;
}

/** How many there are, and the first of them as sentences. */
export interface NamedNodes {
  readonly count: number;
  readonly named: readonly string[];
}

const MOST_NAMED = 100;

export class StackTree {
  readonly #weights: WeightOptions;
  readonly #guard: LossGuard;
  /** By path of the stack. */
  readonly #built = new Map<string, StackHosts>();
  readonly #stacksOf = new Map<string, Set<string>>();
  readonly #listsOf = new Map<string, readonly StackHosts[]>();
  /** By path of the host. */
  readonly #skipped = new Map<string, string>();
  readonly #warnings = new Map<string, readonly string[]>();

  constructor(options: WeightOptions & LossOptions, clock: Clock) {
    this.#weights = options;
    this.#guard = new LossGuard(options, clock);
  }

  /** Takes hosts as they were known before this start. Those that the store does not have go as after an outage. */
  seed(applications: ReadonlyMap<string, readonly StackHosts[]>): void {
    for (const [application, stacks] of applications)
      for (const { stack, flavor, hosts } of stacks) {
        const path = `${stack}/${flavor}/${application}`;
        for (const host of hosts) this.#guard.add(path, { ...host, key: nodeKey(path, host) });
      }
    this.settle();
  }

  /** Gives the applications whose hosts have changed. */
  apply({ isEmpty, deleted, gone, found }: TreeChanges): ReadonlySet<string> {
    if (isEmpty) this.#guard.recovered();
    for (const prefix of deleted) {
      this.#guard.dropBelow(prefix);
      for (const path of [...this.#skipped.keys(), ...this.#warnings.keys()])
        if (isWithin(path, prefix)) this.#forget(path);
    }
    for (const path of gone) {
      this.#forget(path);
      this.#guard.remove(parentOf(path), path);
    }
    for (const [path, content] of found) this.#take(path, content);
    return this.settle();
  }

  /** Lets go of hosts whose grace is over. Gives the applications whose hosts have changed. */
  settle(): ReadonlySet<string> {
    const changed = new Set<string>();
    for (const stack of this.#guard.settle()) if (this.#rebuild(stack)) changed.add(applicationOf(stack));
    for (const application of changed) this.#listsOf.delete(application);
    return changed;
  }

  recovered(): void {
    this.#guard.recovered();
  }

  listed(): void {
    this.#guard.listed();
  }

  /** Names of applications with hosts. */
  get applications(): string[] {
    return [...this.#stacksOf.keys()].toSorted();
  }

  /** Hosts of an application, stacks in the order of their paths; the same array until they change. */
  stacksOf(application: string): readonly StackHosts[] {
    let list = this.#listsOf.get(application);
    if (list === undefined) {
      const stacks = [...(this.#stacksOf.get(application) ?? [])].toSorted();
      list = stacks.map((stack) => this.#built.get(stack)!);
      if (list.length > 0) this.#listsOf.set(application, list);
    }
    return list;
  }

  /** Paths of what is known below a node (`""` = everywhere): stacks, and the nodes of registered hosts. */
  known(prefix: string): { readonly stacks: readonly string[]; readonly nodes: readonly string[] } {
    const isBelow = (path: string): boolean => prefix === "" || isWithin(path, prefix);
    const guarded = [...this.#guard.stacks].filter(isBelow);
    const skipped = [...this.#skipped.keys()].filter(isBelow);
    return {
      stacks: [...new Set([...guarded, ...skipped.map((path) => parentOf(path))])],
      nodes: [...guarded.flatMap((stack) => [...this.#guard.registered(stack)]), ...skipped],
    };
  }

  get hostCount(): number {
    return [...this.#built.values()].reduce((sum, { hosts }) => sum + hosts.length, 0);
  }

  get skipped(): NamedNodes {
    return named(
      this.#skipped.size,
      this.#skipped,
      (path, reason) => `${path} was passed over: it ${reason}`,
    );
  }

  get warnings(): NamedNodes {
    return named(this.#warnings.size, this.#warnings, (path, texts) => `${path} ${texts.join(", and ")}`);
  }

  get graces(): readonly StackGrace[] {
    return this.#guard.graces;
  }

  #take(path: string, content: Uint8Array | string): void {
    this.#forget(path);
    const stack = parentOf(path);
    const read =
      typeof content === "string" ? { skipped: content } : readRegistration(path, content, this.#weights);
    if ("skipped" in read) {
      this.#skipped.set(path, read.skipped);
      this.#guard.drop(stack, path);
      return;
    }
    if (read.warnings.length > 0) this.#warnings.set(path, read.warnings);
    this.#guard.add(stack, read.host);
  }

  #forget(path: string): void {
    this.#skipped.delete(path);
    this.#warnings.delete(path);
  }

  /** Returns whether anything is different. */
  #rebuild(path: string): boolean {
    const hosts = this.#guard.usable(path);
    const before = this.#built.get(path);
    if (areSame(before?.hosts ?? [], hosts)) return false;
    const application = applicationOf(path);
    if (hosts.length === 0) {
      this.#built.delete(path);
      const stacks = this.#stacksOf.get(application);
      stacks?.delete(path);
      if (stacks?.size === 0) this.#stacksOf.delete(application);
      return true;
    }
    const [, stack = "", flavorPath = ""] = ancestorsOf(path);
    this.#built.set(path, { stack, flavor: flavorPath.slice(stack.length + 1), hosts });
    const stacks = this.#stacksOf.get(application) ?? new Set();
    this.#stacksOf.set(application, stacks.add(path));
    return true;
  }
}

/** The host's own key where it is the path of a node of this stack. Only such ones are found to be gone. */
function nodeKey(stack: string, { key, ipv4, ipv6 }: Host): string {
  return parentOf(key) === stack ? key : `${stack}/${(ipv4 ?? ipv6 ?? "").replaceAll("/", "_")}`;
}

function applicationOf(stack: string): string {
  return stack.slice(stack.lastIndexOf("/") + 1);
}

function areSame(some: readonly Host[], others: readonly Host[]): boolean {
  return (
    some.length === others.length &&
    some.every((one, index) => {
      const other = others[index]!;
      return (
        one.key === other.key &&
        one.ipv4 === other.ipv4 &&
        one.ipv6 === other.ipv6 &&
        one.weight === other.weight
      );
    })
  );
}

function named<Value>(
  count: number,
  entries: Iterable<readonly [string, Value]>,
  sentence: (path: string, value: Value) => string,
): NamedNodes {
  const texts: string[] = [];
  for (const [path, value] of entries) {
    if (texts.length === MOST_NAMED) break;
    texts.push(sentence(path, value));
  }
  return { count, named: texts };
}
