/** Memory that documents name, for as long as one does: made in the supervisor, mapped by every worker. */
import type { SharedMemory } from "../core/shared_memory.ts";
import { createBytes, type SharedBytes } from "../platform/shared_memory.ts";
import { closeDescriptor } from "../platform/sockets.ts";

/** Who is told: the workers. */
interface Sharers {
  share(name: string, memory: SharedBytes): void;
  unshare(name: string): void;
}

export class SharedMemories {
  readonly #workers: () => Sharers;
  readonly #exclusively: (work: () => Promise<void>) => unknown;
  readonly #all = new Map<string, SharedBytes>();
  #last = 0;

  /** `exclusively` carries work out while no snapshot is prepared, whose documents may name what is dropped. */
  constructor(workers: () => Sharers, exclusively: (work: () => Promise<void>) => unknown) {
    this.#workers = workers;
    this.#exclusively = exclusively;
  }

  /** By name: what a worker that comes up must have. */
  get all(): ReadonlyMap<string, SharedBytes> {
    return this.#all;
  }

  /** Makes `bytes` bytes and gives them to the workers. Throws SystemCallError. */
  make(bytes: number): SharedMemory {
    const name = String(++this.#last);
    const memory = createBytes(bytes);
    this.#all.set(name, memory);
    this.#workers().share(name, memory);
    return { name, bytes: memory.bytes, drop: () => void this.#exclusively(async () => this.#drop(name)) };
  }

  #drop(name: string): void {
    const memory = this.#all.get(name);
    if (memory === undefined) return;
    this.#all.delete(name);
    this.#workers().unshare(name);
    closeDescriptor(memory.fd);
  }
}
