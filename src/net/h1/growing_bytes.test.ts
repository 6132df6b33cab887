import { expect, test } from "bun:test";
import { GrowingBytes } from "./growing_bytes.ts";

test("all parts stand in order, and what was returned before stays", () => {
  const growing = new GrowingBytes();
  const views: Uint8Array[] = [];
  let expected = "";
  for (let part = 0; part < 300; part++) {
    const text = `${part},`.repeat(part % 7);
    expected += text;
    views.push(growing.add(Buffer.from(text)));
    expect(growing.length).toBe(expected.length);
  }
  for (const view of views) expect(expected.startsWith(Buffer.from(view).toString())).toBe(true);
  expect(Buffer.from(views.at(-1)!).toString()).toBe(expected);
});

test("parts are copied a few times, however many there are", () => {
  const growing = new GrowingBytes();
  const blocks = new Set<ArrayBufferLike>();
  for (let part = 0; part < 100_000; part++) blocks.add(growing.add(Uint8Array.of(part)).buffer);
  expect(blocks.size).toBeLessThan(12);
});
