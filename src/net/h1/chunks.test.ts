/** Chunked bodies, by rows; whole and cut anywhere; against a reader written for clarity. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { readChunks, DEFAULT_NAIVE_LIMITS } from "../../../test/support/http1/naive_fields.ts";
import { latin1Bytes } from "./bytes.ts";
import { ChunkReader, spans } from "./chunks.ts";

interface Result {
  readonly state: "done" | "more" | "malformed";
  readonly payload: string;
  readonly trailer: string | null;
  /** Position after the body. */
  readonly end: number;
}

/** Reads `text` in segments that end at `cuts`. */
function read(text: string, cuts: readonly number[] = []): Result {
  const bytes = latin1Bytes(text);
  const reader = new ChunkReader(4_096, 32_768);
  let payload = "";
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    if (to < from) continue;
    const after = reader.read(bytes, from, to);
    if (after < 0) return { state: "malformed", payload: "", trailer: null, end: 0 };
    for (let index = 0; index < reader.spanCount; index++)
      payload += text.slice(spans[index * 2], spans[index * 2 + 1]);
    expect(reader.payloadBytes).toBe(payload.length);
    const trailer = reader.trailer === null ? null : Buffer.from(reader.trailer).toString("latin1");
    if (reader.done) return { state: "done", payload, trailer, end: after };
    expect(after).toBe(to);
    from = to;
  }
  return { state: "more", payload, trailer: null, end: bytes.length };
}

const payloadOf = (text: string) => {
  const { state, payload } = read(text);
  return state === "done" ? payload : state;
};

describe("sizes", () => {
  test("H-C8/chunks a size is 1 to 16 hexadecimal digits", () => {
    expect(payloadOf("5\r\nhello\r\n0\r\n\r\n")).toBe("hello");
    expect(payloadOf("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n")).toBe("01234567890123456789");
    expect(payloadOf("0000000000000005\r\nhello\r\n0000000000000000\r\n\r\n")).toBe("hello");
    for (const size of [
      "0x5",
      "+5",
      "-5",
      "-0",
      "0_5",
      " 5",
      "5 ",
      "\t5",
      "5\t",
      "",
      "5g",
      "5,5",
      "5\0",
      "5\xa0",
      "5 ;a",
    ].concat(["00000000000000005", "10000000000000000", "20000000000000", "ffffffffffffffff", "5\n", "5\r"]))
      expect([size, payloadOf(`${size}\r\nhello\r\n0\r\n\r\n`)]).toEqual([size, "malformed"]);
    expect(read("1fffffffffffff\r\nabc").state).toBe("more");
  });

  test("H-C8/each a byte at each place of a size line that does not belong there", () => {
    for (let byte = 0; byte < 256; byte++) {
      const character = String.fromCharCode(byte);
      const isHex = /[0-9A-Fa-f]/.test(character);
      // A digit in front makes the chunk longer than what follows.
      expect([byte, payloadOf(`${character}5\r\nhello\r\n0\r\n\r\n`) === "malformed"]).toEqual([
        byte,
        !isHex || byte === 48 ? byte !== 48 : false,
      ]);
      expect([byte, read(`5${character}\r\n`).state === "malformed"]).toEqual([
        byte,
        !isHex && character !== ";",
      ]);
      expect([byte, read(`5\r${character}`).state === "malformed"]).toEqual([byte, character !== "\n"]);
      expect([byte, read(`5\r\nhello${character}`).state === "malformed"]).toEqual([
        byte,
        character !== "\r",
      ]);
      expect([byte, read(`5\r\nhello\r${character}`).state === "malformed"]).toEqual([
        byte,
        character !== "\n",
      ]);
      expect([byte, read(`5\r\nhello\r\n${character}`).state === "malformed"]).toEqual([byte, !isHex]);
      expect([byte, read(`0\r\n\r${character}`).state === "malformed"]).toEqual([byte, character !== "\n"]);
    }
  });

  test("more chunks in one read than any fixed table holds", () => {
    const count = 200_000;
    expect(payloadOf(`${"1\r\na\r\n".repeat(count)}0\r\n\r\n`)).toBe("a".repeat(count));
  });
});

describe("extensions", () => {
  test("H-C9/chunks they are read over, and hold no control characters", () => {
    for (const extension of [";", ";a", ";a=b", ';a="b c"', ";\ta = b", ";\xe9", ";;"])
      expect(payloadOf(`5${extension}\r\nhello\r\n0${extension}\r\n\r\n`)).toBe("hello");
    for (const extension of [";a\nb", ";a\n", ";a\rb", ";\0", ";\x7f", ";\v"])
      expect([extension, payloadOf(`5${extension}\r\nhello\r\n0\r\n\r\n`)]).toEqual([extension, "malformed"]);
  });

  test("H-C10/chunks their sum has a limit", () => {
    expect(payloadOf(`5;${"a".repeat(4_096)}\r\nhello\r\n0\r\n\r\n`)).toBe("hello");
    expect(payloadOf(`5;${"a".repeat(4_097)}\r\nhello\r\n0\r\n\r\n`)).toBe("malformed");
    expect(payloadOf(`${`1;${"a".repeat(100)}\r\na\r\n`.repeat(41)}0\r\n\r\n`)).toBe("malformed");
  });
});

describe("ends", () => {
  test("H-C11/chunks data ends with CRLF", () => {
    for (const text of [
      "5\r\nhello0\r\n\r\n",
      "5\r\nhelloX\r\n0\r\n\r\n",
      "5\r\nhell\r\n0\r\n\r\n",
      "5\r\nhello\n0\r\n\r\n",
      "5\nhello\r\n0\r\n\r\n",
    ])
      expect([text, payloadOf(text)]).toEqual([text, "malformed"]);
  });

  test("H-C11/last what follows the last chunk are fields or the end, and is refused at once where it cannot be", () => {
    for (const text of [
      "0\r\n\n",
      "0\r\n X: 1",
      "0\r\n: 1",
      "0\r\n\0",
      "0\r\n\rX",
      "0\r\nX: 1\n",
      "0\r\nX: 1\ra",
      "0\r\nX\0",
      "0\r\nX\r\n\x80",
    ])
      expect([text, read(text).state]).toEqual([text, "malformed"]);
    for (const text of ["0\r\n", "0\r\n\r", "0\r\nX", "0\r\nX: 1\r", "0\r\nX: 1\r\n"])
      expect([text, read(text).state]).toEqual([text, "more"]);
  });

  test("H-C12/chunks the trailer section is kept whole, up to its limit", () => {
    expect(read("0\r\nX-T: 1\r\nX-U: 2\r\n\r\n")).toMatchObject({
      state: "done",
      trailer: "X-T: 1\r\nX-U: 2\r\n",
    });
    expect(read("0\r\n\r\n").trailer).toBeNull();
    expect(read(`0\r\nX: ${"a".repeat(32_763)}\r\n\r\n`).state).toBe("done");
    expect(read(`0\r\nX: ${"a".repeat(32_764)}\r\n\r\n`).state).toBe("malformed");
  });

  test("H-C13/chunks what follows belongs to the next message", () => {
    for (const trailer of ["", "X-T: 1\r\n"]) {
      const body = `5\r\nhello\r\n0\r\n${trailer}\r\n`;
      expect(read(`${body}GET / HTTP/1.1\r\n`)).toMatchObject({
        state: "done",
        payload: "hello",
        end: body.length,
      });
    }
  });
});

test("small chunks are moved together, large ones stay where they are", () => {
  const joined = (text: string) => {
    const bytes = latin1Bytes(text);
    const reader = new ChunkReader(100, 100);
    const after = reader.read(bytes, 0, bytes.length);
    reader.joinSmallSpans(bytes);
    let body = "";
    for (let index = 0; index < reader.spanCount; index++)
      body += Buffer.from(bytes.subarray(spans[index * 2], spans[index * 2 + 1])).toString("latin1");
    return { count: reader.spanCount, body, rest: Buffer.from(bytes.subarray(after)).toString("latin1") };
  };
  const long = "b".repeat(100);
  expect(joined(`1\r\na\r\n64\r\n${long}\r\n2;x\r\ncc\r\n0\r\n\r\nmore`)).toEqual({
    count: 1,
    body: `a${long}cc`,
    rest: "more",
  });
  expect(joined("1\r\na\r\n")).toEqual({ count: 1, body: "a", rest: "" });
  expect(joined("0\r\n\r\n")).toEqual({ count: 0, body: "", rest: "" });
  const large = `10000\r\n${"d".repeat(65_536)}\r\n`;
  expect(joined(large + large).count).toBe(2);
});

/** Bodies of all kinds, sound and not. */
const someBody = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: fc.nat(20).map((size) => `${size.toString(16)}\r\n${"d".repeat(size)}\r\n`) },
      {
        weight: 2,
        arbitrary: fc
          .nat(5)
          .map((size) => `0${size.toString(16)};ext=1\r\n${"\r\n0\r\n\r\n".slice(0, size)}\r\n`),
      },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          "0\r\n",
          "\r\n",
          "\n",
          "X-T: 1\r\n",
          " ",
          "5",
          ";",
          "\0",
          "GET / HTTP/1.1\r\n",
        ),
      },
    ),
    { maxLength: 8 },
  )
  .chain((parts) =>
    fc
      .constantFrom("", "0\r\n\r\n", "0\r\nX-T: 1\r\n\r\n", "0;a\r\nX: \r\n\r\nmore")
      .map((end) => parts.join("") + end),
  );

describe("every way to the same result", () => {
  test("a body that is cut anywhere reads like the whole", () => {
    fc.assert(
      fc.property(someBody, fc.array(fc.nat(300), { maxLength: 6 }), (text, places) => {
        const cuts = places.map((place) => place % (text.length + 1)).toSorted((a, b) => a - b);
        expect(read(text, cuts)).toEqual(read(text));
      }),
      { numRuns: 2_000 },
    );
  });

  test("a body in segments of one byte reads like the whole", () => {
    const text = "5;a=b\r\nhello\r\n00a\r\n0123456789\r\n0\r\nX-T: 1\r\nX-U: 2\r\n\r\n";
    expect(
      read(
        text,
        Array.from({ length: text.length }, (_, index) => index),
      ),
    ).toEqual(read(text));
    for (let cut = 0; cut <= text.length; cut++) expect(read(text, [cut])).toEqual(read(text));
  });

  test("the naive reader takes what this one takes", () => {
    fc.assert(
      fc.property(someBody, (text) => {
        const ours = read(text);
        const naive = readChunks(text, 0, DEFAULT_NAIVE_LIMITS);
        // The fields of a trailer are read later here.
        if (ours.state === "done" && naive === "malformed") expect(ours.trailer).not.toBeNull();
        else if (ours.state !== "done") expect(typeof naive).toBe("string");
        else
          expect([naive, ours.payload]).toEqual([
            expect.objectContaining({ body: ours.payload, end: ours.end }),
            ours.payload,
          ]);
      }),
      { numRuns: 2_000 },
    );
  });
});
