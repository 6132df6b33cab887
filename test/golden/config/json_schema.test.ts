/** What editors say by the generated JSON Schema is what the program says, where a schema can know it. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { configJsonSchema } from "../../../src/config/json_schema.ts";
import { testParts } from "../../../src/config/test_parts.ts";

const schema = z.fromJSONSchema(configJsonSchema(testParts) as Parameters<typeof z.fromJSONSchema>[0]);

const texts = readdirSync(import.meta.dir)
  .filter((name) => name.endsWith(".yaml"))
  .map((name) => [name, readFileSync(join(import.meta.dir, name), "utf8")] as const);
const isGood = (text: string): boolean => !/^plan: null$/m.test(text);
const mainFile = (text: string): unknown => parse(text.split(/^---/m)[0]!) ?? {};

const good = texts.filter(([, text]) => isGood(text));
test.each(good)("%s has nothing that an editor would underline", (_, text) => {
  expect(schema.safeParse(mainFile(text)).error?.issues ?? []).toEqual([]);
});

const underlined = ["errors_typos.yaml", "errors_values.yaml", "not_available.yaml"];
const bad = texts.filter(([name]) => underlined.includes(name));
test.each(bad)("%s is underlined", (_, text) => {
  expect(schema.safeParse(mainFile(text)).success).toBe(false);
});
