import { expect, test } from "bun:test";
import { ManualClock } from "../../platform/clock.ts";
import { BlockWriter, FIRST_RETRY_MS, LAST_RETRY_MS } from "./block_writer.ts";

/** A fake file: writes wait until the test ends them. */
class Bench {
  readonly clock = new ManualClock();
  readonly seen: number[] = [];
  readonly failures: unknown[] = [];
  wanted = 0;
  written = 0;
  #end: { resolve: () => void; reject: (error: Error) => void } | null = null;
  readonly writer = new BlockWriter({
    clock: this.clock,
    wanted: () => [{ names: [String(this.wanted)], addresses: [] }],
    write: async ([first]) => {
      this.seen.push(Number(first!.names[0]));
      await new Promise<void>((resolve, reject) => (this.#end = { resolve, reject }));
      return { changed: true, bytesWritten: 1 };
    },
    written: () => this.written++,
    failed: (error) => this.failures.push(error),
  });

  want(value: number): void {
    this.wanted = value;
    this.writer.update();
  }

  /** Ends the write under way. */
  async end(error?: string): Promise<void> {
    await turn();
    if (error === undefined) this.#end!.resolve();
    else this.#end!.reject(new Error(error));
    await turn();
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("what is wanted in one turn and while a write is under way goes together", async () => {
  const bench = new Bench();
  bench.want(1);
  bench.want(2);
  await turn();
  bench.want(3);
  bench.want(4);
  await bench.end();
  await bench.end();
  expect([bench.seen, bench.written]).toEqual([[2, 4], 2]);
  await bench.writer.stop();
});

test("HF26 a write that fails is made again, later and later, and at once when something else is wanted", async () => {
  const bench = new Bench();
  bench.want(1);
  for (let wait = FIRST_RETRY_MS; wait < LAST_RETRY_MS * 4; wait = Math.min(wait * 2, LAST_RETRY_MS)) {
    await bench.end("disk full");
    const before = bench.seen.length;
    bench.clock.advance(wait - 1);
    await turn();
    expect(bench.seen.length).toBe(before);
    bench.clock.advance(1);
    await turn();
    expect(bench.seen.length).toBe(before + 1);
    if (wait === LAST_RETRY_MS && bench.failures.length > 8) break;
  }
  expect(bench.writer.problem).toBe("disk full");
  await bench.end("disk full");
  bench.want(2);
  await bench.end();
  expect([bench.seen.at(-1), bench.written, bench.writer.problem]).toEqual([2, 1, null]);
  bench.clock.advance(LAST_RETRY_MS * 10);
  await turn();
  expect(bench.seen.at(-2)).toBe(1);
  await bench.writer.stop();
});

test("a stop waits for the write under way and lets no other begin", async () => {
  const bench = new Bench();
  bench.want(1);
  await turn();
  bench.want(2);
  let stopped = false;
  const stopping = bench.writer.stop().then(() => (stopped = true));
  await turn();
  expect(stopped).toBe(false);
  await bench.end();
  await stopping;
  bench.want(3);
  await turn();
  expect(bench.seen).toEqual([1]);
});
