/** Reading and changing heads: fields as they came, fields left out, lines appended. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { latin1Bytes } from "./h1/bytes.ts";
import { parseRequest } from "./h1/parse.ts";
import { Head, isFieldValue } from "./head.ts";

function parsed(...lines: string[]): Head {
  const bytes = latin1Bytes(`GET / HTTP/1.1\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`);
  const head = new Head(50);
  expect(parseRequest(head, bytes, bytes.length)).toBe(bytes.length);
  return head;
}

describe("reading", () => {
  test("H-B6/head fields are found by name in any case, in order", () => {
    const head = parsed("Host: a", "X-A: 1", "x-a:2", "X-AB: 3", "X_A: 4", "X-A: \xe9 ");
    expect(head.get("x-a")).toBe("1");
    expect(head.getAll("x-a")).toEqual(["1", "2", "\xe9"]);
    expect(head.get("x-b")).toBeNull();
    expect(head.find("x-a", 2)).toBe(2);
    expect(head.nameAt(2)).toBe("x-a");
    expect(head.getAll("x_a")).toEqual(["4"]);
  });

  test("only letters have a case", () => {
    // `@` and backtick, `[` and `{` differ in the same bit as letters of two cases.
    expect(parsed("X`: 1").get("x@")).toBeNull();
    expect(parsed("X^: 1").get("x~")).toBeNull();
  });
});

describe("changing", () => {
  test("removed fields are found no more and keep away", () => {
    const head = parsed("X-A: 1", "X-B: 2", "x-a: 3");
    head.remove("x-a");
    expect([head.get("x-a"), head.droppedCount]).toEqual([null, 2]);
    head.remove("x-a");
    expect(head.droppedCount).toBe(2);
    expect(head.fields()).toEqual([["X-B", "2"]]);
  });

  test("added fields come last and are read like the others", () => {
    const head = parsed("X-A: 1");
    head.add("X-A", "2");
    head.add("X-B", "");
    head.add("X-A", "a: b");
    expect(head.getAll("x-a")).toEqual(["1", "2", "a: b"]);
    expect(head.get("x-b")).toBe("");
    expect(head.fields()).toEqual([
      ["X-A", "1"],
      ["X-A", "2"],
      ["X-B", ""],
      ["X-A", "a: b"],
    ]);
    head.remove("x-a");
    expect(head.fields()).toEqual([["X-B", ""]]);
    expect(head.appended).toBe("X-B: \r\n");
  });

  test("a field that is set is there once", () => {
    const head = parsed("X-A: 1", "x-a: 2", "X-B: 3");
    head.add("x-A", "4");
    head.set("X-A", "5");
    expect(head.getAll("x-a")).toEqual(["5"]);
    expect(head.get("x-b")).toBe("3");
  });

  test("a head that is used again has nothing of before", () => {
    const head = parsed("X-A: 1", "X-B: 2");
    head.remove("x-b");
    head.add("X-C", "3");
    head.reset();
    expect([head.count, head.droppedCount, head.appended, head.fields(), head.get("x-a")]).toEqual([
      0,
      0,
      "",
      [],
      null,
    ]);
    const bytes = latin1Bytes("GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\n\r\n");
    parseRequest(head, bytes, bytes.length);
    expect(head.fields()).toEqual([
      ["A", "1"],
      ["B", "2"],
    ]);
  });

  test("any changes lead to what the same changes of a list lead to", () => {
    const name = fc.constantFrom("A", "a", "B-C", "b-c", "D");
    const change = fc.record({
      kind: fc.constantFrom("add", "set", "remove"),
      name,
      value: fc.constantFrom("", "1", "x: y", "\xe9"),
    });
    fc.assert(
      fc.property(fc.array(name, { maxLength: 6 }), fc.array(change, { maxLength: 8 }), (names, changes) => {
        const head = parsed(...names.map((each, index) => `${each}: ${index}`));
        let list = names.map((each, index): [string, string] => [each, String(index)]);
        for (const { kind, name: target, value } of changes) {
          if (kind !== "add") list = list.filter(([each]) => each.toLowerCase() !== target.toLowerCase());
          if (kind !== "remove") list.push([target, value]);
          if (kind === "remove") head.remove(target.toLowerCase());
          else head[kind as "add" | "set"](target, value);
        }
        expect(head.fields()).toEqual(list);
        for (const each of ["a", "b-c", "d"])
          expect(head.getAll(each)).toEqual(
            list.filter(([key]) => key.toLowerCase() === each).map(([, value]) => value),
          );
      }),
      { numRuns: 1_000 },
    );
  });
});

test("a value has no control characters but tab and nothing above 0xff", () => {
  for (const value of ["", "a b", "\t", "\xe9\xff\x80", "~"]) expect(isFieldValue(value)).toBe(true);
  for (const value of ["\r", "a\nb", "\0", "\x7f", "\x1f", "€"]) expect(isFieldValue(value)).toBe(false);
});
