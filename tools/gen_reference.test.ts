import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { OPERATIONS } from "../src/admin/operations/all.ts";
import { testParts } from "../src/config/test_parts.ts";
import { ERRORS } from "../src/core/errors.ts";
import { MATCHERS } from "../src/core/rules/matchers/all.ts";
import { referenceFiles } from "./gen_reference.ts";

test("the error page has a row for every code, and the committed one is fresh", () => {
  const page = referenceFiles(testParts)["docs/reference/errors.md"]!;
  const codes = [...page.matchAll(/^\| `(FL_[A-Z_]+)` \|/gm)].map((match) => match[1]!);
  expect(codes).toEqual(Object.keys(ERRORS));
  expect(readFileSync("docs/reference/errors.md", "utf8")).toBe(page);
});

test("the JSON Schema file is JSON", () => {
  expect(JSON.parse(referenceFiles(testParts)["docs/reference/fairlead.schema.json"]!)).toHaveProperty(
    "$schema",
  );
});

test("the OpenAPI document has every operation of the admin API, and the committed one is fresh", () => {
  const text = referenceFiles(testParts)["docs/reference/openapi.json"]!;
  const { paths } = JSON.parse(text) as { paths: Record<string, object> };
  expect(Object.keys(paths).toSorted()).toEqual(
    OPERATIONS.flatMap((operation) => operation.paths).toSorted(),
  );
  expect(readFileSync("docs/reference/openapi.json", "utf8")).toBe(text);
});

test("the page about rules has a row for every matcher", () => {
  const page = referenceFiles(testParts)["docs/routing-rules.md"]!;
  const names = [...page.matchAll(/^\| ``(\w+)\(/gm)].map((match) => match[1]!);
  expect(names).toEqual(MATCHERS.map(({ name }) => name));
  expect(readFileSync("docs/routing-rules.md", "utf8")).toBe(page);
});
