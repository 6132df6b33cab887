/**
 * Keeps the memory of a worker level. The runtime collects what has died young all the time, but everything only when its
 * heap has grown to 32 MiB: a worker whose live heap is half of that gains some MiB a minute until then, which looks like a
 * leak and takes memory from the machine.
 */

const MIB = 1_048_576;
/** How often a worker is looked at. */
const LOOK_MS = 15_000;
/** Growth that is worth a collection, which holds the event loop for 4 to 11 ms. */
const GROWTH_BYTES = 2 * MIB;
/** Above it a collection would hold the event loop for too long: the runtime decides by itself. */
const LARGE_BYTES = 192 * MIB;

export interface Heap {
  /** Resident memory of this process in bytes. */
  residentBytes(): number;
  /** Frees all that is dead, and returns when that is done. */
  collect(): void;
}

const OWN_HEAP: Heap = {
  residentBytes: () => process.memoryUsage.rss(),
  collect: () => Bun.gc(true),
};

export class HeapTidier {
  readonly #heap: Heap;
  /** What was in use after the last collection, or less since. */
  #base: number;

  constructor(heap: Heap = OWN_HEAP) {
    this.#heap = heap;
    this.#base = heap.residentBytes();
  }

  /** Looks at intervals from now on, without keeping the process alive. */
  start(): void {
    setInterval(() => this.look(), LOOK_MS).unref();
  }

  /** Collects if memory has grown since the last time and is not so large that this takes long. */
  look(): void {
    const resident = this.#heap.residentBytes();
    this.#base = Math.min(this.#base, resident);
    if (resident - this.#base < GROWTH_BYTES || resident >= LARGE_BYTES) return;
    this.#heap.collect();
    this.#base = this.#heap.residentBytes();
  }
}
