import { expect, test } from "bun:test";
import { seededRandom } from "../core/strategies/random.ts";
import { QueryPairs } from "./query_pairs.ts";

function pairsOf(target: string, before = ""): QueryPairs {
  const pairs = new QueryPairs();
  pairs.read(
    Buffer.from(`${before}${target} HTTP/1.1`, "latin1"),
    before.length,
    before.length + target.length,
  );
  return pairs;
}

test("of a repeated name the first value counts, and names without a value have an empty one", () => {
  const pairs = pairsOf("/a?b=1&b=2&&c&d=&=x&e=1=2&f", "GET ");
  for (const [name, value] of [
    ["b", "1"],
    ["c", ""],
    ["d", ""],
    ["e", "1=2"],
    ["f", ""],
    ["", undefined],
    ["x", undefined],
    ["a", undefined],
  ] as const)
    expect([name, pairs.value(name)]).toEqual([name, value]);
  for (const target of ["/a", "/a?", "?", ""]) expect(pairsOf(target).value("a")).toBeUndefined();
});

test("names and values are decoded, and what is not encoded as it should stands as it is", () => {
  const pairs = pairsOf("/?%61b=1&c+d=%C3%A9+%2B&e%=1&f=%zz+&%ff=2");
  expect(["ab", "c d", "e%", "f", "%ff", "%61b"].map((name) => pairs.value(name))).toEqual([
    "1",
    "\u00e9 +",
    "1",
    "%zz ",
    "2",
    undefined,
  ]);
});

test("an object is used again, and lets go of what it has read", () => {
  const pairs = pairsOf(`/?${Array.from({ length: 1_000 }, (_, index) => `k${index}=${index}`).join("&")}`);
  expect([pairs.value("k0"), pairs.value("k999")]).toEqual(["0", "999"]);
  pairs.read(Buffer.from("/?k1=other"), 0, 10);
  expect([pairs.value("k0"), pairs.value("k1")]).toEqual([undefined, "other"]);
  pairs.end();
  expect(pairs.value("k1")).toBeUndefined();
});

test("pairs are those that a reader of texts finds", () => {
  const random = seededRandom(7);
  const pick = (from: readonly string[]) => from[Math.floor(random() * from.length)]!;
  const decoded = (text: string) => {
    try {
      return decodeURIComponent(text.replaceAll("+", " "));
    } catch {
      return text.replaceAll("+", " ");
    }
  };
  for (let round = 0; round < 2_000; round++) {
    const length = Math.floor(random() * 14);
    const query = Array.from({ length }, () => pick(["a", "b", "=", "&", "+", "%61", "%", "?"])).join("");
    const expected = new Map<string, string>();
    for (const pair of query.split("&")) {
      const [name = "", ...value] = pair.split("=");
      if (name !== "" && !expected.has(decoded(name))) expected.set(decoded(name), decoded(value.join("=")));
    }
    const pairs = pairsOf(`/p?${query}`);
    for (const name of ["a", "b", "aa", "ab", "a b", "%", "?", ...expected.keys()])
      expect([query, name, pairs.value(name)]).toEqual([query, name, expected.get(name)]);
  }
});
