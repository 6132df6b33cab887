/**
 * What tests need of the machine. A test that lacks something is skipped and `npm test` prints why; where the environment
 * says `FAIRLEAD_REQUIRE=1` (or names it: `FAIRLEAD_REQUIRE=root,nginx`) lacking it is a failure instead.
 *
 *     const lacking = requireTool("nginx");
 *     test.skipIf(lacking !== null)("nginx accepts our PROXY header", …);
 */
import { test } from "bun:test";
import { appendFileSync } from "node:fs";
import { findTool } from "./find_tool.ts";

/** Null when the program is there, else the reason for a skip. Call it at the top of a test file. */
export function requireTool(name: string): string | null {
  return requirement(name, findTool(name) === null ? `${name} is not installed` : null);
}

/** Null when the tests run as root, else the reason for a skip. */
export function requireRoot(): string | null {
  return requirement("root", process.getuid?.() === 0 ? null : "not run as root");
}

/**
 * For anything else: `lacking` says what is missing, or is null; `name` is what FAIRLEAD_REQUIRE calls it. Returns
 * `lacking`. Where it is required and missing, a test that fails is added to the file; the tests that need it are skipped.
 */
export function requirement(name: string, lacking: string | null): string | null {
  if (lacking === null) return null;
  if (isRequired(name, process.env["FAIRLEAD_REQUIRE"]))
    test(`needs ${name}`, () => {
      throw new Error(`${lacking}, and FAIRLEAD_REQUIRE asks for it`);
    });
  const log = process.env["TEST_SKIP_LOG"];
  if (log !== undefined)
    appendFileSync(log, `${JSON.stringify({ file: callingTestFile(), reason: lacking })}\n`);
  return lacking;
}

/** `wanted` is the value of FAIRLEAD_REQUIRE: empty or 0 = nothing, 1 = everything, else names with commas between. */
export function isRequired(name: string, wanted: string | undefined): boolean {
  if (wanted === undefined || wanted === "" || wanted === "0") return false;
  return wanted === "1" || wanted.split(",").includes(name);
}

/** The test file on the stack, from the working directory; "" when there is none. */
function callingTestFile(): string {
  const place = /([^\s(]+\.test\.ts):\d+/.exec(new Error().stack ?? "")?.[1] ?? "";
  return place.startsWith(`${process.cwd()}/`) ? place.slice(process.cwd().length + 1) : place;
}
