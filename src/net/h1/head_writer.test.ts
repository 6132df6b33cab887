/** Heads that are rebuilt in place, against building them from text. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { Head } from "../head.ts";
import { latin1Bytes } from "./bytes.ts";
import { compactHead } from "./head_writer.ts";
import { parseRequest } from "./parse.ts";
import { scratch } from "./scratch.ts";

const LINE = "GET / HTTP/1.1\r\n";

function parsed(lines: readonly string[]): Head {
  const bytes = latin1Bytes(`${LINE}${lines.join("")}\r\n`);
  const head = new Head(100);
  expect(parseRequest(head, bytes, bytes.length)).toBe(bytes.length);
  return head;
}

function compacted(head: Head): string {
  const end = compactHead(head, head.fieldsEnd);
  return Buffer.from(scratch.subarray(0, end)).toString("latin1");
}

test("a head without changes stays byte for byte", () => {
  const lines = ["Host:a \r\n", "X-A: \t1\r\n", "x-a:\r\n"];
  expect(compacted(parsed(lines))).toBe(LINE + lines.join(""));
  expect(compacted(parsed([]))).toBe(LINE);
});

test("whatever is dropped, the other lines stay byte for byte and in order", () => {
  const line = fc.record({
    text: fc.constantFrom("A: 1\r\n", "Bcd:2 \r\n", "E-F-G: \t3\t\r\n", "H:\r\n"),
    drop: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(line, { maxLength: 20 }), fc.boolean(), (list, other) => {
      const head = parsed(list.map(({ text }) => text));
      list.forEach(({ drop }, index) => drop && head.drop(index));
      // Another head may have used the block meanwhile.
      if (other) parsed(["X: other\r\n", "Y: other\r\n"]);
      const expected =
        LINE +
        list
          .filter(({ drop }) => !drop)
          .map(({ text }) => text)
          .join("");
      expect(compacted(head)).toBe(expected);
      // A second time too: a request may be sent again.
      expect(compacted(head)).toBe(expected);
    }),
    { numRuns: 1_000 },
  );
});
