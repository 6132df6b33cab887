/**
 * Shared memory of the workers: for each a region of counters that it alone writes, and one region of limits with a row
 * per worker. A region is never resized: a plan that needs another layout gets new regions beside the old ones.
 */
import type { CounterKeeper, CounterLayout, CounterRegions } from "../core/worker_program.ts";
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
  readonly #live = new Set<WorkerRegions>();
  #abandoned = false;
  #closed = false;

  constructor(layout: CounterLayout, workers: number, keeper: CounterKeeper) {
    this.layout = layout;
    this.rows = Math.max(MINIMUM_ROWS, workers * ROWS_PER_WORKER);
    this.#keeper = keeper;
    this.#limits = createRegion(layout.limits * this.rows);
  }

  /** True when this set serves a plan of that layout with that many workers. */
  fits(layout: CounterLayout, workers: number): boolean {
    return layout.key === this.layout.key && workers * 2 <= this.rows;
  }

  /** Fresh regions for a worker, all zero. Throws when every row of limits belongs to a living worker. */
  make(): WorkerRegions {
    const taken = new Set([...this.#live].map(({ limitRow }) => limitRow));
    let limitRow = 0;
    while (taken.has(limitRow)) limitRow++;
    if (limitRow >= this.rows) throw new Error(`${this.rows} workers live already, most of them draining`);
    const regions: WorkerRegions = {
      layout: this.layout,
      counters: createRegion(this.layout.counters),
      limits: this.#limits,
      limitRow,
      limitRows: this.rows,
    };
    this.#live.add(regions);
    return regions;
  }

  /** The worker that wrote these is gone, or has left them: its counts go to the keeper, its limits to zero. */
  retire(regions: WorkerRegions): void {
    if (!this.#live.delete(regions)) return;
    this.#keeper.retire(this.layout, regions.counters.numbers);
    closeDescriptor(regions.counters.fd);
    const { limits } = this.layout;
    this.#limits.numbers.fill(0, regions.limitRow * limits, (regions.limitRow + 1) * limits);
    this.#closeWhenUnused();
  }

  /** Counters of all workers that still have regions of this layout. */
  *values(): Generator<Float64Array> {
    for (const regions of this.#live) yield regions.counters.numbers;
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
