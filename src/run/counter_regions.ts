/**
 * Shared memory of the workers: for each a region of counters that it alone writes, and one region of limits with a row
 * per worker. A region is never resized: a plan that needs another layout gets new regions beside the old ones.
 */
import type { CounterKeeper, CounterLayout, CounterRegions } from "../core/worker_program.ts";
import { identify } from "../platform/processes.ts";
import { createRegion, type SharedRegion } from "../platform/shared_memory.ts";
import { closeDescriptor } from "../platform/sockets.ts";

/** Rows per worker: one that drains keeps its row beside its replacement's. */
const ROWS_PER_WORKER = 4;
const MINIMUM_ROWS = 16;

/** Both regions of one worker, with the descriptors that are passed to it. */
export interface WorkerRegions {
  readonly layout: CounterLayout;
  readonly counters: SharedRegion;
  readonly limits: SharedRegion;
  readonly limitRow: number;
  readonly limitRows: number;
}

/** Limits that workers of a supervisor before us write to: ours count beside them, so that a limit holds for all. */
export interface InheritedLimits {
  /** Key of the layout that the rows have. */
  readonly key: string;
  readonly rows: number;
  readonly region: SharedRegion;
}

/** Size of a region of limits: its rows, then the pid of the worker that each row belongs to, 0 = nobody's. */
export function limitsSize(layout: CounterLayout, rows: number): number {
  return (layout.limits + 1) * rows;
}

/** The same as a program sees it. */
export function programRegions(regions: WorkerRegions): CounterRegions {
  return {
    counters: regions.counters.numbers,
    limits: regions.limits.numbers,
    limitRow: regions.limitRow,
    limitRows: regions.limitRows,
  };
}

/** Regions of all workers for one layout. */
export class RegionSet {
  readonly layout: CounterLayout;
  readonly rows: number;
  readonly #keeper: CounterKeeper;
  readonly #limits: SharedRegion;
  /** Of workers that live, with their pids. */
  readonly #live = new Map<WorkerRegions, number>();
  #abandoned = false;
  #closed = false;

  /** `inherited`: limits that others count in as well, taken over when this layout fits them. */
  constructor(
    layout: CounterLayout,
    workers: number,
    keeper: CounterKeeper,
    inherited: InheritedLimits | null = null,
  ) {
    this.layout = layout;
    this.#keeper = keeper;
    this.rows = inherited?.rows ?? Math.max(MINIMUM_ROWS, workers * ROWS_PER_WORKER);
    this.#limits = inherited?.region ?? createRegion(limitsSize(layout, this.rows));
  }

  /** Which worker a row belongs to. Shared: one of a supervisor before us may have it. */
  get #owners(): Float64Array {
    return this.#limits.numbers.subarray(this.layout.limits * this.rows);
  }

  /** Where workers of the next supervisor may count. */
  get inheritance(): InheritedLimits {
    return { key: this.layout.key, rows: this.rows, region: this.#limits };
  }

  /** True when this set serves a plan of that layout with that many workers. */
  fits(layout: CounterLayout, workers: number): boolean {
    return layout.key === this.layout.key && workers * 2 <= this.rows;
  }

  /** Fresh regions for the worker `pid`, all zero. Throws when every row of limits belongs to a living worker. */
  make(pid: number): WorkerRegions {
    this.freeDead();
    const owners = this.#owners;
    const limitRow = owners.indexOf(0);
    if (limitRow < 0) throw new Error(`${this.rows} workers live already, most of them draining`);
    owners[limitRow] = pid;
    const regions: WorkerRegions = {
      layout: this.layout,
      counters: createRegion(this.layout.counters),
      limits: this.#limits,
      limitRow,
      limitRows: this.rows,
    };
    this.#live.set(regions, pid);
    return regions;
  }

  /** The worker that wrote these is gone, or has left them: its counts go to the keeper, its limits to zero. */
  retire(regions: WorkerRegions): void {
    const pid = this.#live.get(regions);
    if (pid === undefined) return;
    this.#live.delete(regions);
    this.#keeper.retire(this.layout, regions.counters.numbers);
    closeDescriptor(regions.counters.fd);
    // A successor may have given it to another worker already.
    if (this.#owners[regions.limitRow] === pid) this.#free(regions.limitRow);
    this.#closeWhenUnused();
  }

  #free(row: number): void {
    const { limits } = this.layout;
    this.#limits.numbers.fill(0, row * limits, (row + 1) * limits);
    this.#owners[row] = 0;
  }

  /** What dead workers have counted against limits, and nobody has taken back. */
  freeDead(): void {
    for (const [row, pid] of this.#owners.entries())
      if (pid !== 0 && !this.#isOurs(row) && identify(pid) === null) this.#free(row);
  }

  #isOurs(row: number): boolean {
    for (const { limitRow } of this.#live.keys()) if (limitRow === row) return true;
    return false;
  }

  /** Counters of all workers that still have regions of this layout. */
  *values(): Generator<Float64Array> {
    for (const regions of this.#live.keys()) yield regions.counters.numbers;
  }

  /** No further worker gets regions of this set: it goes with the last one that has. */
  abandon(): void {
    this.#abandoned = true;
    this.#closeWhenUnused();
  }

  #closeWhenUnused(): void {
    if (this.#abandoned && !this.#closed && this.#live.size === 0) {
      this.#closed = true;
      closeDescriptor(this.#limits.fd);
    }
  }

  get closed(): boolean {
    return this.#closed;
  }
}
