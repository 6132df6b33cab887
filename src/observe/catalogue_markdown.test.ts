import { expect, test } from "bun:test";
import { METRIC_NAMES } from "./catalogue.ts";
import { catalogueMarkdown } from "./catalogue_markdown.ts";
import { METHODS } from "./label_values.ts";

test("the reference page has a row for every metric and names every method", () => {
  const rows = catalogueMarkdown()
    .split("\n")
    .filter((line) => line.startsWith("| `"));
  expect(rows.map((row) => /`(\w+)`/.exec(row)![1])).toEqual([...METRIC_NAMES]);
  expect(rows.every((row) => row.split(" | ").length === 5)).toBe(true);
  for (const method of METHODS) expect(catalogueMarkdown()).toContain(`\`${method}\``);
});

test("the page in the repository is what the catalogue says", async () => {
  const page = await Bun.file(`${import.meta.dir}/../../docs/reference/metrics.md`).text();
  expect(page).toBe(catalogueMarkdown());
});
