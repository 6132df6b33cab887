import { expect, test } from "bun:test";
import { countOutcomes, readReport, writeReport, type TestCase } from "./junit.ts";

const BUN_REPORT = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="bun test" tests="5" assertions="3" failures="1" skipped="3" time="0.007">
  <testsuite name="a.test.ts" file="a.test.ts" tests="5" assertions="3" failures="1" skipped="2" time="0.002">
    <testcase name="plain &lt;x&gt; &amp; &quot;q&quot;" classname="" time="0.25" file="a.test.ts" line="2" assertions="1" />
    <testsuite name="H-A1 outer" file="a.test.ts" line="3" tests="3">
      <testsuite name="inner &gt; most" file="a.test.ts" line="3" tests="3">
        <testcase name="deep" classname="inner &gt; most &gt; H-A1 outer" time="0" file="a.test.ts" line="3" assertions="1" />
        <testcase name="skipped" classname="inner &gt; most &gt; H-A1 outer" time="0" file="a.test.ts" line="3" assertions="0">
          <skipped />
        </testcase>
      </testsuite>
      <testcase name="later" classname="H-A1 outer" time="0" file="a.test.ts" line="4" assertions="0">
        <skipped message="TODO" />
      </testcase>
    </testsuite>
    <testcase name="fails" classname="" time="0" file="a.test.ts" line="5" assertions="1">
      <failure type="AssertionError" message="Expected: &quot;b&quot;&#10;Received: &quot;a&lt;&quot;">text &lt;failure&gt;</failure>
    </testcase>
  </testsuite>
</testsuites>`;

test("a report of bun test is read with groups from outside in", () => {
  const cases = readReport(BUN_REPORT);
  expect(cases.map(({ groups, name, outcome, message }) => [groups, name, outcome, message])).toEqual([
    [[], 'plain <x> & "q"', "passed", ""],
    [["H-A1 outer", "inner > most"], "deep", "passed", ""],
    [["H-A1 outer", "inner > most"], "skipped", "skipped", ""],
    [["H-A1 outer"], "later", "skipped", "TODO"],
    [[], "fails", "failed", 'Expected: "b"\nReceived: "a<"'],
  ]);
  expect(cases[0]).toMatchObject({ file: "a.test.ts", line: 2, assertions: 1, seconds: 0.25 });
  expect(countOutcomes(cases)).toEqual({ passed: 2, failed: 1, skipped: 2 });
});

test("what is written is read back", () => {
  const cases: TestCase[] = [
    each("H-A1 a", [], "passed"),
    each('odd <> & "\n', ["group"], "failed"),
    each("x", ["one", "two"], "skipped"),
  ];
  const xml = writeReport(cases);
  expect(readReport(xml)).toEqual(cases.map((own) => ({ ...own, groups: [] })));
  expect(xml).toContain('classname="src/a.test.ts &gt; one &gt; two"');
  expect(xml).toContain(
    '<testsuites name="npm test" tests="3" assertions="6" failures="1" skipped="1" time="0.750">',
  );
  expect(writeReport([each("nul \0 and half a pair \ud800", [], "passed")])).not.toMatch(/[\0\ud800]/);
});

test("a report that breaks off gives what it has", () => {
  expect(readReport(BUN_REPORT.slice(0, BUN_REPORT.indexOf('<testcase name="later"') + 5))).toHaveLength(3);
  expect(readReport("")).toEqual([]);
});

function each(name: string, groups: string[], outcome: TestCase["outcome"]): TestCase {
  const message = outcome === "passed" ? "" : "why\n<so>";
  return { file: "src/a.test.ts", groups, name, line: 3, assertions: 2, seconds: 0.25, outcome, message };
}
