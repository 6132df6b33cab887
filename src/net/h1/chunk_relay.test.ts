/** Chunked bodies that go on as chunked bodies: whatever the segments, a strict reader reads the same payload. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { MemorySocket } from "../../../test/support/http1/memory_socket.ts";
import { NO_LIMITS, readChunks } from "../../../test/support/http1/naive_fields.ts";
import { latin1Bytes } from "./bytes.ts";
import { ChunkRelay, sendChunk, sendLastChunk } from "./chunk_relay.ts";
import type { Writer } from "./output.ts";

function writer(): Writer & { readonly byteSocket: MemorySocket } {
  return { byteSocket: new MemorySocket(), waiting: null, writtenBytes: 0, closingFd: -1, plainFd: -1 };
}

/** What comes out for `text` in segments that end at `cuts`, its end included; null when it is malformed. */
function relayed(
  text: string,
  cuts: readonly number[],
): { readonly output: string; readonly writes: number } | null {
  const target = writer();
  const relay = new ChunkRelay(4_096, 32_768);
  const bytes = latin1Bytes(text);
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    if (to <= from) continue;
    const after = relay.relay(target, bytes.slice(0, to), from, to);
    if (after < 0) return null;
    from = after;
    if (relay.reader.done) break;
  }
  if (relay.reader.done && !relay.sentEnd) sendLastChunk(target, "");
  return { output: target.byteSocket.bytes.toString("latin1"), writes: target.byteSocket.parts.length };
}

test("H-C18/relay a canonical body goes on byte for byte, each segment in one write", () => {
  const text = "5\r\nhello\r\n0a\r\n0123456789\r\n0\r\n\r\n";
  expect(relayed(text, [])).toEqual({ output: text, writes: 1 });
  // Cuts inside data and between chunks; a size line that is cut is written anew.
  for (const cut of [3, 5, 10, 14, 20, 26]) expect(relayed(text, [cut])!.output).toBe(text);
});

test("H-C9/relay extensions and trailers are not sent on as they came", () => {
  expect(relayed("5;a=b\r\nhello\r\n0;x\r\nX-T: 1\r\n\r\n", [])!.output).toBe("5\r\nhello\r\n0\r\n\r\n");
});

test("a chunk whose size line went on alone gets its line end where the next one has an extension", () => {
  const text = "5\r\nhello\r\n3;a=b\r\nabc\r\n0\r\n\r\n";
  expect(relayed(text, [3, 17])!.output).toBe("5\r\nhello\r\n3\r\nabc\r\n0\r\n\r\n");
});

test("a chunk that is cut into many segments is one body", () => {
  const text = "5\r\nhello\r\n5;a\r\nworld\r\n0\r\n\r\n";
  const cuts = Array.from({ length: text.length }, (_, index) => index);
  for (let skip = 1; skip < 7; skip++) {
    const { output } = relayed(
      text,
      cuts.filter((cut) => cut % skip === 0),
    )!;
    expect(readChunks(output, 0, NO_LIMITS)).toEqual({
      body: "helloworld",
      trailers: [],
      end: output.length,
    });
  }
});

test("whatever the segments, a strict reader finds the payload and nothing else", () => {
  const chunk = fc.record({
    data: fc.string({ unit: fc.constantFrom("a", "\r", "\n", "0", ";"), minLength: 1, maxLength: 12 }),
    zeros: fc.nat(2),
    extension: fc.constantFrom("", "", "", ";e=1"),
  });
  const places = fc.array(fc.nat(400), { maxLength: 12 });
  fc.assert(
    fc.property(
      fc.array(chunk, { maxLength: 8 }),
      fc.constantFrom("", "X-T: 1\r\n"),
      places,
      (chunks, trailer, cuts) => {
        const text = `${chunks
          .map(
            ({ data, zeros, extension }) =>
              `${"0".repeat(zeros)}${data.length.toString(16)}${extension}\r\n${data}\r\n`,
          )
          .join("")}0\r\n${trailer}\r\n`;
        const sorted = cuts.map((cut) => cut % (text.length + 1)).toSorted((a, b) => a - b);
        const { output } = relayed(text, sorted)!;
        const body = chunks.map(({ data }) => data).join("");
        expect(readChunks(output, 0, NO_LIMITS)).toEqual({ body, trailers: [], end: output.length });
      },
    ),
    { numRuns: 3_000 },
  );
});

test("an empty part is no chunk, because an empty chunk ends the body", () => {
  const target = writer();
  sendChunk(target, latin1Bytes("abc"), 1, 1);
  sendChunk(target, latin1Bytes("abc"), 1, 3);
  sendLastChunk(target, "X-T: 1\r\n");
  expect(target.byteSocket.bytes.toString("latin1")).toBe("2\r\nbc\r\n0\r\nX-T: 1\r\n\r\n");
});
