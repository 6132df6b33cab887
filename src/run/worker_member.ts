/** One worker of the pool on its way from launch to exit. */
import { messageOf } from "../core/text/message_of.ts";
import { addDelta, isEmptyDelta, liveState, type LiveState } from "../core/health/delta.ts";
import { NOTHING_CHANGED, type Snapshot, type SnapshotDelta } from "../core/snapshot.ts";
import type { SharedBytes } from "../platform/shared_memory.ts";
import type { RegionSet, WorkerRegions } from "./counter_regions.ts";
import type { HeldListener } from "./listener_table.ts";
import type { WorkerHandle } from "./worker_handle.ts";

/** Regions with the set that made them. */
interface OwnedRegions {
  readonly set: RegionSet;
  readonly regions: WorkerRegions;
}

export class WorkerMember {
  readonly handle: WorkerHandle;
  /** Serves a snapshot and takes listeners. */
  ready = false;
  /** Generation of the snapshot that acts in it, 0 = none yet. */
  generation = 0;

  #current: OwnedRegions | null = null;
  #prepared: OwnedRegions | null = null;
  /** What has become known since the snapshot that is prepared was sent; null = none is on its way. */
  #missed: LiveState | null = null;
  #takesShared = false;
  readonly #open = new Map<string, { key: string; slot: number }>();

  constructor(handle: WorkerHandle) {
    this.handle = handle;
  }

  /** Those that it counts in; null before the first snapshot. */
  get regions(): WorkerRegions | null {
    return this.#current?.regions ?? null;
  }

  /** Builds `snapshot`, which counts in `set`, beside what runs. */
  async prepare(snapshot: Snapshot, set: RegionSet): Promise<void> {
    this.#missed = liveState(NOTHING_CHANGED);
    await this.handle.prepare(snapshot, this.#regionsFor(set));
  }

  /**
   * Gives the worker memory that documents name. Before `takesShared` it learns of nothing, for then it is given all. A worker that
   * dies meanwhile needs none.
   */
  share(name: string, memory: SharedBytes): void {
    if (this.#takesShared) void this.handle.share(name, memory).catch(() => {});
  }

  unshare(name: string): void {
    if (this.#takesShared) void this.handle.unshare(name).catch(() => {});
  }

  /** It has started: it is given what is shared now, and what comes later. */
  takeShared(memories: ReadonlyMap<string, SharedBytes>): void {
    this.#takesShared = true;
    for (const [name, memory] of memories) this.share(name, memory);
  }

  /** Tells the worker what has become known. One without a snapshot learns it with its first one. */
  delta(delta: SnapshotDelta): void {
    if (this.#missed !== null) addDelta(this.#missed, delta);
    if (this.generation > 0) this.handle.delta(delta);
  }

  /** Regions to send along with a snapshot that counts in `set`: null when the worker has them already. */
  #regionsFor(set: RegionSet): WorkerRegions | null {
    if (this.#current?.set === set) return null;
    this.#release(this.#prepared);
    this.#prepared = { set, regions: set.make(this.handle.pid) };
    return this.#prepared.regions;
  }

  /** The snapshot of `generation` acts. */
  applied(generation: number): void {
    this.generation = generation;
    if (this.#prepared !== null) {
      this.#release(this.#current);
      this.#current = this.#prepared;
      this.#prepared = null;
    }
    // The snapshot may have been read before these, and they may have come before it was built.
    const missed = this.#missed;
    this.#missed = null;
    if (missed !== null && !isEmptyDelta(missed)) this.handle.delta(missed);
  }

  discarded(): void {
    this.#missed = null;
    this.#release(this.#prepared);
    this.#prepared = null;
  }

  /** The worker is gone: what it counted is kept. */
  gone(): void {
    this.ready = false;
    this.#missed = null;
    this.#release(this.#current);
    this.#release(this.#prepared);
    this.#current = this.#prepared = null;
  }

  #release(owned: OwnedRegions | null): void {
    owned?.set.retire(owned.regions);
  }

  /** Opens the slots of `wanted` that the worker lacks. Gives back what went wrong, in words. */
  async open(wanted: ReadonlyMap<string, { listener: HeldListener; slot: number }>): Promise<string[]> {
    const errors: string[] = [];
    for (const [id, { listener, slot }] of wanted) {
      const socket = listener.sockets[slot];
      if (this.#open.has(id) || socket === undefined) continue;
      try {
        await this.handle.openListener(listener.key, listener.plan, slot, socket.fd);
        this.#open.set(id, { key: listener.key, slot });
      } catch (error) {
        errors.push(`listener ${listener.plan.name}: ${messageOf(error)}`);
      }
    }
    return errors;
  }

  /** Closes the slots that `keep` does not ask for. A worker that dies meanwhile has closed them. */
  async closeOthers(keep: (id: string, key: string) => boolean): Promise<void> {
    for (const [id, { key, slot }] of this.#open) {
      if (keep(id, key)) continue;
      this.#open.delete(id);
      await this.handle.closeListener(key, slot).catch(() => {});
    }
  }
}
