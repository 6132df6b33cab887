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

interface JsonSchema {
  readonly $ref?: string;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
}

test("everything.yaml, whose values the mutation test changes one by one, names every setting", () => {
  const root = configJsonSchema(testParts) as JsonSchema;
  const branchesOf = (one: JsonSchema): JsonSchema[] => {
    if (one.$ref !== undefined) return branchesOf(root.$defs![one.$ref.split("/").at(-1)!]!);
    return [one, ...[...(one.anyOf ?? []), ...(one.oneOf ?? [])].flatMap(branchesOf)];
  };
  const missing: string[] = [];
  let found = 0;
  /** `values` are all that stand at `path`, in all entries of lists and maps. */
  const visit = (schemas: readonly JsonSchema[], values: readonly unknown[], path: string): void => {
    const branches = schemas.flatMap(branchesOf);
    const maps = values.filter(
      (value) => typeof value === "object" && value !== null && !Array.isArray(value),
    );
    const known = new Set(branches.flatMap(({ properties }) => Object.keys(properties ?? {})));
    for (const key of known) {
      const inside = maps.filter((map) => Object.hasOwn(map as object, key)) as Record<string, unknown>[];
      if (inside.length === 0) missing.push(`${path}.${key}`);
      else found++;
      const below = branches.flatMap(({ properties }) => properties?.[key] ?? []);
      visit(
        below,
        inside.map((map) => map[key]),
        `${path}.${key}`,
      );
    }
    const entries = branches.flatMap(({ additionalProperties: more }) =>
      typeof more === "object" ? [more] : [],
    );
    const others = maps.flatMap((map) => Object.entries(map as object).filter(([key]) => !known.has(key)));
    if (entries.length > 0)
      visit(
        entries,
        others.map(([, value]: [string, unknown]) => value),
        `${path}.*`,
      );
    const items = branches.flatMap((branch) => branch.items ?? []);
    if (items.length > 0) visit(items, values.filter(Array.isArray).flat(), `${path}[]`);
  };
  const [, text] = texts.find(([name]) => name === "everything.yaml")!;
  visit([root], [mainFile(text)], "");
  // Middlewares and the strategies of the tests have tests of their own; the redirector's checks are those of pools.
  const others = /middlewares|\.strategy\.level|^\.redirect\..*\.health_check\./;
  expect(missing.filter((path) => !others.test(path))).toEqual([]);
  expect(found).toBeGreaterThan(100);
});
