/** `docs/observability.md` says what the code does: its lines are made by the formats, its names are in the tables. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { DEFAULT_ACCESS_LOG, DEFAULT_ADMIN_ADDRESS } from "../core/defaults.ts";
import { formatDuration } from "../core/schema/duration.ts";
import { formatSize } from "../core/schema/size.ts";
import { accessLogOf } from "../core/test_plan.ts";
import { LONGEST_LINE_BYTES } from "./access_line.ts";
import { ClfLineFormat } from "./access_line_clf.ts";
import { JsonLineFormat } from "./access_line_json.ts";
import { CATALOGUE } from "./catalogue.ts";
import { lineOutput } from "./line_bytes.ts";
import { testRecord } from "./test_access_record.ts";

const page = readFileSync(`${import.meta.dir}/../../docs/observability.md`, "utf8");
const plan = accessLogOf("-");

/** The line of the page's example in a format. */
function exampleLine(format: "json" | "clf"): string {
  const record = testRecord(
    {
      target: "/v1/items?page=2&token=t0k3n",
      host: "api.example.com",
      id: "7fd1c1f0c1a84e3f9d5b0e6a2c4f8b13",
      fields: [["User-Agent", "curl/8.5.0"]],
    },
    {
      tlsVersion: "1.3",
      bytesIn: 412,
      bytesOut: 18_250,
      connectMs: 1.204,
      firstByteMs: 9.87,
      routeName: "api",
      poolName: "web",
      backendId: "web1",
    },
  );
  const out = lineOutput(LONGEST_LINE_BYTES);
  const formatted = format === "json" ? new JsonLineFormat(plan) : new ClfLineFormat(plan);
  const end = formatted.write(out, 0, record, Date.UTC(2026, 10, 25, 12, 0, 0, 4), 12.345, false);
  return Buffer.from(out.bytes.subarray(0, end)).toString("latin1");
}

const rows = [...page.matchAll(/^\| (`.+?`) +\|/gm)].flatMap(([, cell]) =>
  [...cell!.matchAll(/`([^`]+)`/g)].map((match) => match[1]!),
);

test("the example lines are the ones that the formats write", () => {
  expect(page).toContain(`\`\`\`json\n${exampleLine("json")}\`\`\``);
  expect(page).toContain(`\`\`\`text\n${exampleLine("clf")}\`\`\``);
});

test("every field of a line has its row", () => {
  const fields = Object.keys(JSON.parse(exampleLine("json")) as object);
  expect([...fields, "headers", "sample"].filter((name) => !rows.includes(name))).toEqual([]);
});

test("metrics in the text and in the queries exist", () => {
  const names = [...page.matchAll(/\b(?:fairlead_([a-z_]+)|([a-z_]+_total))\b/g)].map(([, prefixed, plain]) =>
    (prefixed ?? plain)!.replace(/_bucket$/, ""),
  );
  expect(names.length).toBeGreaterThan(7);
  expect(names.filter((name) => !(name in CATALOGUE))).toEqual([]);
});

test("defaults in the text are those of the code", () => {
  expect(page).toContain(`\`flush\` (${formatDuration(DEFAULT_ACCESS_LOG.flush_ms).replace("ms", " ms")})`);
  expect(page).toContain(
    `\`buffer\` (${formatSize(DEFAULT_ACCESS_LOG.buffer_bytes).replace("KiB", " KiB")})`,
  );
  expect(page).toContain(`\`admin.address\`, \`${DEFAULT_ADMIN_ADDRESS}\``);
  const lower = page.toLowerCase();
  for (const name of DEFAULT_ACCESS_LOG.redact) expect(lower).toContain(name);
  for (const name of DEFAULT_ACCESS_LOG.redact_query) expect(page).toContain(`\`${name}\``);
});
