import { expect, test } from "bun:test";
import { configJsonSchema } from "./json_schema.ts";
import { configurationPage } from "./reference.ts";
import { testParts } from "./test_parts.ts";

test("the page has a row for every setting, with type, default and text", () => {
  const page = configurationPage(testParts);
  expect(page).toContain("| `connect` | duration | `5s` | From the first packet");
  expect(page).toContain("| `weight` | whole number from 0 to 65535 | `1` | ");
  expect(page).toContain("| `users` | list of secret | none | `name:hash` for each. |");
  expect(page).toContain("## `pools.NAME.health_check (type: tcp)`\n\nA connection.\n");
  expect(page).toContain(
    "## `pools.NAME.strategy (name: consistent_hash)`\n\nThe same key gets the same backend.\n",
  );
  expect(page).toContain("## `middlewares.NAME.delay`\n\nWaits.\n");
  expect(page.match(/^## `middlewares/gm)?.length).toBe(4);
  for (const row of page.match(/^\| .*$/gm) ?? [])
    expect(row.replaceAll("\\|", "").split("|").length).toBe(6);
});

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly writeOnly?: boolean;
  readonly items?: JsonSchema;
}

test("the JSON Schema refuses unknown keys, keeps defaulted keys optional and marks secrets", () => {
  const schema = configJsonSchema(testParts) as JsonSchema & { required?: string[] };
  expect(schema.additionalProperties).toBe(false);
  expect(schema.required).toBeUndefined();
  const text = JSON.stringify(schema);
  expect(text).not.toContain("type_name");
  expect(text).toContain('"writeOnly":true');
  expect(text).toContain('"const":"round_robin"');
  const { timeouts } = schema.properties ?? {};
  expect(timeouts?.properties?.["connect"]).toMatchObject({
    default: "5s",
    anyOf: [{ type: "string" }, { const: 0 }],
  });
});
