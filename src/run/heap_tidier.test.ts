import { describe, expect, test } from "bun:test";
import { HeapTidier } from "./heap_tidier.ts";

const MIB = 1_048_576;

class ScriptedHeap {
  resident = 70 * MIB;
  live = 70 * MIB;
  collections = 0;

  residentBytes(): number {
    return this.resident;
  }

  collect(): void {
    this.collections++;
    this.resident = this.live;
  }
}

describe("memory of a worker", () => {
  test("is collected once it has grown by 2 MiB", () => {
    const heap = new ScriptedHeap();
    const tidier = new HeapTidier(heap);
    heap.resident += 1.9 * MIB;
    tidier.look();
    expect(heap.collections).toBe(0);
    heap.resident += 0.1 * MIB;
    tidier.look();
    expect(heap.collections).toBe(1);
    expect(heap.resident).toBe(70 * MIB);
  });

  test("is not collected again for what lives on", () => {
    const heap = new ScriptedHeap();
    const tidier = new HeapTidier(heap);
    heap.resident = heap.live = 100 * MIB;
    tidier.look();
    tidier.look();
    expect(heap.collections).toBe(1);
  });

  test("counts growth from the least since the last collection", () => {
    const heap = new ScriptedHeap();
    const tidier = new HeapTidier(heap);
    heap.resident = 60 * MIB;
    tidier.look();
    heap.resident = 62 * MIB;
    tidier.look();
    expect(heap.collections).toBe(1);
  });

  test("is left to the runtime where a collection would hold the event loop for long", () => {
    const heap = new ScriptedHeap();
    const tidier = new HeapTidier(heap);
    heap.resident = 192 * MIB;
    tidier.look();
    expect(heap.collections).toBe(0);
  });
});
