import { expect, test } from "bun:test";
import fc from "fast-check";
import { LineBuffer } from "./line_buffer.ts";
import type { LogSink } from "./log_sink.ts";

const LONGEST = 64;

/** Takes what a list of amounts says: so many bytes, 0 = full, a text = an error. Everything once the list is over. */
class ScriptedSink implements LogSink {
  problem: string | null = null;
  taken = "";
  closed = false;
  calls = 0;
  largest = 0;
  readonly writeBytes: number;
  readonly script: (number | string)[];

  constructor(script: readonly (number | string)[] = [], writeBytes = 40) {
    this.script = [...script];
    this.writeBytes = writeBytes;
  }

  write(bytes: Uint8Array, from: number, to: number): number {
    this.calls++;
    const text = Buffer.from(bytes.subarray(from, to)).latin1Slice();
    this.largest = Math.max(this.largest, text.length);
    const next = this.script.shift() ?? text.length;
    this.problem = typeof next === "string" ? next : null;
    const amount = typeof next === "string" ? 0 : Math.min(next, text.length);
    this.taken += text.slice(0, amount);
    return amount;
  }

  close(): void {
    this.closed = true;
  }
}

class Events {
  lost = 0;
  readonly failures: string[] = [];
  recoveries = 0;
  dropped(lines: number): void {
    this.lost += lines;
  }
  failing(words: string): void {
    this.failures.push(words);
  }
  recovered(): void {
    this.recoveries++;
  }
}

function make(kept = 200) {
  const events = new Events();
  const buffer = new LineBuffer(kept, LONGEST, events);
  const add = (line: string): boolean => {
    if (!buffer.reserve()) return false;
    const bytes = Buffer.from(`${line}\n`);
    buffer.output.bytes.set(bytes, buffer.end);
    buffer.commit(buffer.end + bytes.length);
    return true;
  };
  return { buffer, events, add };
}

test("a write ends at the end of a line and is no larger than the sink wants", () => {
  const { buffer, add } = make();
  const sink = new ScriptedSink();
  buffer.replaceSink(sink);
  const all = ["a".repeat(15), "b".repeat(15), "c".repeat(15), "d"];
  for (const line of all) add(line);
  buffer.flush();
  expect(sink.taken).toBe(all.map((line) => `${line}\n`).join(""));
  expect([sink.calls, sink.largest]).toEqual([2, 32]);
});

test("a line that is longer than a write is given whole", () => {
  const { buffer, add } = make();
  const sink = new ScriptedSink();
  buffer.replaceSink(sink);
  add("short");
  add("x".repeat(50));
  add("short");
  buffer.flush();
  expect(sink.taken).toBe(`short\n${"x".repeat(50)}\nshort\n`);
  expect([sink.calls, sink.largest]).toEqual([3, 51]);
});

test("a full sink keeps what waits, drops and counts new lines, and goes on where it stopped", () => {
  const { buffer, add, events } = make(100);
  const sink = new ScriptedSink([7, 0]);
  buffer.replaceSink(sink);
  add("0123456789");
  buffer.flush();
  expect(sink.taken).toBe("0123456");
  sink.script.push(0, 0, 0);
  let kept = 1;
  while (add("0123456789") && kept < 100) kept++;
  add("lost too");
  expect(kept).toBeGreaterThan(5);
  expect(events.lost).toBe(2);
  expect(events.failures).toEqual(["nothing takes its lines"]);
  sink.script.length = 0;
  buffer.flush();
  expect(sink.taken).toBe("0123456789\n".repeat(kept));
  expect(events.recoveries).toBe(1);
  add("after");
  buffer.flush();
  expect(sink.taken).toEndWith("0123456789\nafter\n");
});

test("a blocked sink is not asked again for every line", () => {
  const { buffer, add } = make(1_000);
  const sink = new ScriptedSink([0]);
  buffer.replaceSink(sink);
  add("a");
  buffer.flush();
  expect(buffer.blocked).toBe(true);
  const { calls } = sink;
  while (add("0123456789"));
  expect(sink.calls).toBe(calls);
});

test("a failure is told once, in words, and its end too", () => {
  const { buffer, add, events } = make();
  const sink = new ScriptedSink(["no space left on device", "no space left on device"]);
  buffer.replaceSink(sink);
  add("a");
  buffer.flush();
  buffer.flush();
  expect([events.failures, events.recoveries]).toEqual([["no space left on device"], 0]);
  buffer.flush();
  expect([events.failures.length, events.recoveries, events.lost]).toEqual([1, 1, 0]);
  expect(sink.taken).toBe("a\n");
});

test("another sink gets whole lines: a begun one ends with the sink that has its beginning", () => {
  const { buffer, add, events } = make();
  const first = new ScriptedSink([3, 0, 0]);
  buffer.replaceSink(first);
  add("first");
  add("second");
  buffer.flush();
  const next = new ScriptedSink();
  buffer.replaceSink(next);
  expect([first.taken, first.closed, next.taken, events.lost]).toEqual(["fir", true, "second\n", 1]);
});

test("closing counts what nobody took", () => {
  const { buffer, add, events } = make();
  const sink = new ScriptedSink([0, 0]);
  buffer.replaceSink(sink);
  add("a");
  add("b");
  buffer.flush();
  buffer.close();
  expect([events.lost, sink.closed]).toEqual([2, true]);
});

test("whatever a sink takes, it gets whole lines in order, and every other line is counted", () => {
  const action = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ line: fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 60 }) }),
    },
    { weight: 2, arbitrary: fc.record({ flush: fc.constant(true) }) },
    { weight: 1, arbitrary: fc.record({ resize: fc.integer({ min: 1, max: 300 }) }) },
  );
  const script = fc.array(
    fc.oneof(fc.integer({ min: 0, max: 50 }), fc.constant(0), fc.constant("no space")),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 200 }), script, (actions, amounts) => {
      const { buffer, add, events } = make(120);
      const sink = new ScriptedSink(amounts);
      buffer.replaceSink(sink);
      const expected: string[] = [];
      let number = 0;
      for (const step of actions) {
        if ("line" in step) {
          const line = `${number++}`.padStart(3, "0") + step.line;
          if (add(line)) expected.push(line);
          if (buffer.waiting > 80 && !buffer.blocked) buffer.flush();
        } else if ("flush" in step) buffer.flush();
        else buffer.resize(step.resize);
      }
      sink.script.length = 0;
      buffer.close();
      expect(sink.taken).toBe(expected.map((line) => `${line}\n`).join(""));
      expect(events.lost).toBe(number - expected.length);
    }),
    { numRuns: 300 },
  );
});
