/**
 * The hosts of each application, from the store. Those of a dynamic application are used as they come and go; those of a static
 * one are frozen until somebody takes a new snapshot, as with each new model.
 */
import type { StackHosts } from "../../../core/redirect/hosts.ts";
import type { Clock } from "../../../platform/clock.ts";
import type { Store } from "../../../store/contract.ts";
import type { LossOptions, StackGrace } from "./loss_guard.ts";
import type { WeightOptions } from "./registration.ts";
import { DEFAULT_WATCH, ServiceWatch, type WatchOptions } from "./service_watch.ts";
import { type NamedNodes, StackTree } from "./stack_tree.ts";

export interface DiscoveryOptions extends WeightOptions, LossOptions {
  /** Names of the static applications. */
  readonly static_applications: ReadonlySet<string>;
  readonly watch?: Partial<WatchOptions>;
}

export interface DiscoveryEnvironment {
  readonly store: Store;
  readonly clock: Clock;
  /** Hosts as they were known before this start, by application: used until the store is read. */
  readonly initial: ReadonlyMap<string, readonly StackHosts[]>;
  /** Called when the hosts of an application are others than before, the initial ones included; calls are batched. What it throws is reported. */
  readonly changed: (application: string, stacks: readonly StackHosts[]) => void;
}

export interface DiscoveryStatus {
  /** The hosts are those of the store now, as far as it is known here. */
  readonly is_current: boolean;
  /** How long the store has not been reached, and why; null while it is. */
  readonly disconnected: { readonly for_ms: number; readonly reason: string } | null;
  readonly applications: number;
  /** Hosts of all applications, without regard to snapshots. */
  readonly hosts: number;
  /** Registrations that cannot be used. */
  readonly skipped: NamedNodes;
  /** Registrations that are used and odd. */
  readonly warnings: NamedNodes;
  /** Stacks with hosts that are used although they are gone. */
  readonly graces: readonly StackGrace[];
}

const NO_STACKS: readonly StackHosts[] = [];

export class Discovery {
  readonly #options: DiscoveryOptions;
  readonly #environment: DiscoveryEnvironment;
  readonly #tree: StackTree;
  readonly #watch: ServiceWatch;
  /** Of static applications. */
  readonly #frozen = new Map<string, readonly StackHosts[]>();
  /** Static applications that get a snapshot with the first list. */
  readonly #wanted = new Set<string>();
  #isListed = false;

  constructor(options: DiscoveryOptions, environment: DiscoveryEnvironment) {
    this.#options = options;
    this.#environment = environment;
    const { store, clock, initial } = environment;
    this.#tree = new StackTree(options, clock);
    this.#tree.seed(initial);
    for (const application of options.static_applications) {
      const stacks = initial.get(application) ?? NO_STACKS;
      if (stacks.length > 0) this.#frozen.set(application, stacks);
      else this.#wanted.add(application);
    }
    const watchOptions = { ...DEFAULT_WATCH, ...options.watch };
    this.#watch = new ServiceWatch(watchOptions, store, clock, this.#tree, (applications) =>
      this.#told(applications),
    );
  }

  /** Begins to read and to watch; the store need not be there yet. */
  start(): void {
    this.#watch.start();
    void this.#watch.whenListed().then(() => this.#firstListed());
  }

  /** Resolves when all of the store's hosts are known for the first time. */
  whenListed(): Promise<void> {
    return this.#watch.whenListed();
  }

  /** Names of the applications that have hosts. */
  get applications(): string[] {
    return [...new Set([...this.#tree.applications, ...this.#frozen.keys()])].toSorted();
  }

  /** The hosts that decisions use; the same array until they change. */
  hosts(application: string): readonly StackHosts[] {
    if (this.#options.static_applications.has(application)) return this.#frozen.get(application) ?? NO_STACKS;
    return this.#tree.stacksOf(application);
  }

  /** Takes the hosts of a static application as they are now, or as they are first listed. Does nothing for a dynamic one. */
  snapshot(application: string): void {
    if (!this.#options.static_applications.has(application)) return;
    if (!this.#isListed) {
      this.#wanted.add(application);
      return;
    }
    const stacks = this.#tree.stacksOf(application);
    if (this.#frozen.get(application) === stacks) return;
    this.#frozen.set(application, stacks);
    this.#tell(application, stacks);
  }

  get status(): DiscoveryStatus {
    const { store, clock } = this.#environment;
    const { state } = store;
    return {
      is_current: this.#watch.isCurrent,
      disconnected:
        state.kind === "disconnected" ? { for_ms: clock.now() - state.since_ms, reason: state.reason } : null,
      applications: this.applications.length,
      hosts: this.#tree.hostCount,
      skipped: this.#tree.skipped,
      warnings: this.#tree.warnings,
      graces: this.#tree.graces,
    };
  }

  /** Nothing is told after this. */
  close(): void {
    this.#watch.close();
  }

  /** What no earlier start has left of a static application is taken from the first list. */
  #firstListed(): void {
    this.#isListed = true;
    for (const application of this.#wanted) this.snapshot(application);
    this.#wanted.clear();
  }

  #told(applications: ReadonlySet<string>): void {
    for (const application of applications)
      if (!this.#options.static_applications.has(application))
        this.#tell(application, this.#tree.stacksOf(application));
  }

  #tell(application: string, stacks: readonly StackHosts[]): void {
    try {
      this.#environment.changed(application, stacks);
    } catch (error) {
      reportError(error);
    }
  }
}
