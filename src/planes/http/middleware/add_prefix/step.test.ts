import { expect, test } from "bun:test";
import { runStep, testStep } from "../test_exchange.ts";
import { addPrefixPart } from "./schema.ts";

test.each([
  ["/api", "/x?a=/b", "/api/x?a=/b"],
  ["/api/", "/x", "/api/x"],
  ["/api", "/", "/api/"],
  ["/a b/ü", "/%2Fx", "/a%20b/%C3%BC/%2Fx"],
  ["/api", "/a%41/%2f", "/api/a%41/%2f"],
  ["/api", "/../x", "/api/x"],
  ["/api", "/%2e%2e/%2e%2e/x", "/api/x"],
  ["/api", "//evil.example/x", "/api/evil.example/x"],
])("%p in front of %p gives %p", (prefix, target, expected) => {
  const { exchange, result } = runStep(testStep(addPrefixPart, { prefix }), { target });
  expect(result).toBe(0);
  expect(exchange.target).toBe(expected);
});
