/**
 * `npm test`: every test file of the project in one run, with an honest count.
 *
 * Counts come from the JUnit report. A file on disk that the report lacks (it did not load, or the run died before it)
 * counts as one failed test, and so does a run that exits with an error without a failed test. Skips are printed with
 * their reason and never count as passed. usage: tools/test.ts [path filter …]
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";

const REPORT = "test-results/junit.xml";
mkdirSync("test-results", { recursive: true });
rmSync(REPORT, { force: true });

const filters = process.argv.slice(2);
const files = [...new Bun.Glob("{src,test,tools}/**/*.test.ts").scanSync(".")]
  .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
  .toSorted();
const run = Bun.spawn(
  [
    process.execPath,
    "test",
    "--timeout=30000",
    "--reporter=junit",
    `--reporter-outfile=${REPORT}`,
    ...files.map((file) => `./${file}`),
  ],
  { stdio: ["ignore", "inherit", "inherit"] },
);
const exitCode = await run.exited;

const report = existsSync(REPORT) ? readFileSync(REPORT, "utf8") : "";
const cases = report.match(/<testcase\b[^>]*?(?:\/>|>[\s\S]*?<\/testcase>)/g) ?? [];
const failed = cases.filter((text) => /<(?:failure|error)\b/.test(text)).length;
const skipped = cases.filter((text) => /<skipped\b/.test(text));
const silent = files.filter((file) => !report.includes(`file="${file}"`));
for (const file of silent) console.log(`not run (counts as failed): ${file}`);
const broken = silent.length > 0 ? silent.length : exitCode !== 0 && failed === 0 ? 1 : 0;
for (const text of skipped) console.log(`skipped: ${/name="([^"]*)"/.exec(text)?.[1] ?? "?"}`);
console.log(`${skipped.length} skipped`);
console.log(`${cases.length - failed - skipped.length} passed, ${failed + broken} failed`);
process.exit(failed + broken > 0 || exitCode !== 0 ? 1 : 0);
