import { expect, test } from "bun:test";
import { hashKey, parseHashKey } from "./hash_key.ts";

test("keys of requests", () => {
  expect(parseHashKey("address")).toEqual({ kind: "address" });
  expect(parseHashKey("header:X-User")).toEqual({ kind: "header", name: "x-user" });
  expect(parseHashKey("cookie:Sid")).toEqual({ kind: "cookie", name: "Sid" });
  expect(parseHashKey("query:a b")).toEqual({ kind: "query", name: "a b" });
});

test.each(["", "header", "header:", "header:a b", "host", "cookie:a;b"])("%p is refused", (text) => {
  expect(hashKey().safeParse(text).success).toBe(false);
});
