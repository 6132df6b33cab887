import { expect, test } from "bun:test";
import { parseQuery } from "./query.ts";

test("H-A23/match a query is read as documented: `&` splits, `;` does not, keys and values may be empty", () => {
  const table: [string, string[]][] = [
    ["", []],
    ["a", ["a", ""]],
    ["a=", ["a", ""]],
    ["=b", ["", "b"]],
    ["=", ["", ""]],
    ["a=1&b=2", ["a", "1", "b", "2"]],
    ["&&a=1&", ["a", "1"]],
    ["a=1;b=2", ["a", "1;b=2"]],
    ["a=b=c", ["a", "b=c"]],
    ["a&b=1", ["a", "", "b", "1"]],
    ["a+b=c%20d", ["a b", "c d"]],
    ["%61=%26%3D%2B", ["a", "&=+"]],
    ["a=%zz&b=%4", ["a", "%zz", "b", "%4"]],
    ["a=%C3%A9", ["a", "\xc3\xa9"]],
    ["a=1&a=2", ["a", "1", "a", "2"]],
    ["b[]=1", ["b[]", "1"]],
    ["?=&&=", ["?", "", "", ""]],
  ];
  for (const [raw, pairs] of table) expect([raw, parseQuery(raw)]).toEqual([raw, pairs]);
});
