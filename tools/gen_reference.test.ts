import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { testParts } from "../src/config/test_parts.ts";
import { ERRORS } from "../src/core/errors.ts";
import { referenceFiles } from "./gen_reference.ts";

test("the error page has a row for every code, and the committed one is fresh", () => {
  const page = referenceFiles(testParts)["errors.md"]!;
  const codes = [...page.matchAll(/^\| `(FL_[A-Z_]+)` \|/gm)].map((match) => match[1]!);
  expect(codes).toEqual(Object.keys(ERRORS));
  expect(readFileSync("docs/reference/errors.md", "utf8")).toBe(page);
});

test("the JSON Schema file is JSON", () => {
  expect(JSON.parse(referenceFiles(testParts)["fairlead.schema.json"]!)).toHaveProperty("$schema");
});
