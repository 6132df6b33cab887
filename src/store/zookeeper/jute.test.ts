import { expect, test } from "bun:test";
import fc from "fast-check";
import { FrameReader } from "./frames.ts";
import { JuteError, JuteReader, JuteWriter } from "./jute.ts";

test("what is written reads the same", () => {
  const fields = fc.record({
    int: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    long: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    flag: fc.boolean(),
    bytes: fc.uint8Array({ maxLength: 2_000 }),
    text: fc.string({ unit: "grapheme" }),
  });
  fc.assert(
    fc.property(fields, ({ int, long, flag, bytes, text }) => {
      const frame = new JuteWriter().int(int).long(long).boolean(flag).bytes(bytes).text(text).frame();
      expect(frame.readInt32BE(0)).toBe(frame.length - 4);
      const reader = new JuteReader(frame.subarray(4));
      expect([reader.int(), reader.long(), reader.boolean()]).toEqual([int, long, flag]);
      expect(reader.bytes()).toEqual(bytes);
      expect(reader.text()).toBe(text);
      expect(reader.left).toBe(0);
    }),
    { seed: 3, numRuns: 200 },
  );
});

test("null buffers, texts and vectors", () => {
  const nulls = new Uint8Array(12).fill(255);
  const reader = new JuteReader(nulls);
  expect([reader.bytes(), reader.text(), reader.vector(4, () => reader.int())]).toEqual([null, "", []]);
});

test.each([
  ["a buffer beyond the end", [0, 0, 0, 5, 1], (reader: JuteReader) => reader.bytes()],
  ["a negative length", [255, 255, 255, 254], (reader: JuteReader) => reader.text()],
  ["the largest length", [127, 255, 255, 255], (reader: JuteReader) => reader.text()],
  ["a count beyond the end", [127, 255, 255, 255], (reader: JuteReader) => reader.vector(1, () => 0)],
  ["a negative count", [128, 0, 0, 0], (reader: JuteReader) => reader.vector(1, () => 0)],
  ["a short number", [0, 0, 0], (reader: JuteReader) => reader.int()],
  ["a short long", [0, 0, 0, 0, 0, 0, 0], (reader: JuteReader) => reader.long()],
  ["no boolean", [], (reader: JuteReader) => reader.boolean()],
])("%s is refused", (_what, bytes, read) => {
  expect(() => read(new JuteReader(new Uint8Array(bytes)))).toThrow(JuteError);
});

test("frames come whole, in any pieces; a length above the limit or below 0 is refused before it is waited for", () => {
  const all = Buffer.concat([1, 0, 300].map((size) => new JuteWriter().bytes(new Uint8Array(size)).frame()));
  for (const piece of [1, 3, 7, 100, all.length]) {
    const reader = new FrameReader(400);
    const sizes: number[] = [];
    for (let from = 0; from < all.length; from += piece)
      sizes.push(...reader.push(all.subarray(from, from + piece)).map(({ length }) => length));
    expect(sizes).toEqual([5, 4, 304]);
  }
  expect(() => new FrameReader(303).push(all)).toThrow("a frame of 304 bytes; at most 303 are taken");
  expect(() => new FrameReader(400).push(Uint8Array.of(255, 255, 255, 255))).toThrow(JuteError);
  expect(new FrameReader(400).push(Uint8Array.of(0, 0, 1, 0))).toEqual([]);
});
