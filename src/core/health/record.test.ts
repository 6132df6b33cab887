import { expect, test } from "bun:test";
import type { Health } from "../model.ts";
import { afterResult, recordOf, reopened, UNCHECKED, type HealthRecord } from "./record.ts";

const THRESHOLDS = { healthy_after: 2, unhealthy_after: 3 };

/** Health after each result; `+` is a success and `-` a failure. */
function course(start: HealthRecord, results: string, thresholds = THRESHOLDS): Health[] {
  let record = start;
  return results.split("").map((result) => {
    record = afterResult(record, result === "+", thresholds);
    return record.health;
  });
}

const letters = (healths: readonly Health[]) => healths.map((health) => health[0]).join("");

test("H-H5/rise and fall: a change takes its number of results in a row", () => {
  expect(letters(course(recordOf("healthy"), "--+--+---"))).toBe("hhhhhhhhu");
  expect(letters(course(recordOf("unhealthy"), "+-+-++"))).toBe("uuuuuh");
});

test("the first result decides at once", () => {
  expect(letters(course(UNCHECKED, "+"))).toBe("h");
  expect(letters(course(UNCHECKED, "-"))).toBe("u");
});

test("a member that was never healthy needs one success, later ones need their number", () => {
  expect(letters(course(UNCHECKED, "--+"))).toBe("uuh");
  expect(letters(course(UNCHECKED, "+---+-++"))).toBe("hhhuuuuh");
});

test("thresholds of 1 follow every result", () => {
  const one = { healthy_after: 1, unhealthy_after: 1 };
  expect(letters(course(recordOf("healthy"), "-+-+", one))).toBe("uhuh");
});

test("after its check has changed a member keeps its health until the first result, which decides at once", () => {
  expect(letters(course(reopened(recordOf("healthy")), "-++"))).toBe("uuh");
  expect(letters(course(reopened(recordOf("unhealthy")), "+---"))).toBe("hhhu");
  expect(letters(course(reopened(recordOf("healthy")), "+--"))).toBe("hhh");
  expect(reopened(UNCHECKED).health).toBe("unknown");
});

/** A reference that looks at the whole history each time. */
function reference(results: string): Health {
  let health: Health = "unknown";
  let since = 0;
  let proven = false;
  for (let at = 0; at < results.length; at++) {
    const success = results[at] === "+";
    const wanted: Health = success ? "healthy" : "unhealthy";
    const needed =
      health === "unknown" || (success && !proven)
        ? 1
        : success
          ? THRESHOLDS.healthy_after
          : THRESHOLDS.unhealthy_after;
    const tail = results.slice(Math.max(since, at + 1 - needed), at + 1);
    if (wanted !== health && tail.length === needed && !tail.includes(success ? "-" : "+")) {
      health = wanted;
      since = at + 1;
      proven ||= success;
    }
  }
  return health;
}

test("every sequence of up to ten results ends as the reference says", () => {
  for (let length = 1; length <= 10; length++) {
    for (let bits = 0; bits < 2 ** length; bits++) {
      const results = bits.toString(2).padStart(length, "0").replaceAll("0", "-").replaceAll("1", "+");
      expect([results, course(UNCHECKED, results).at(-1)!]).toEqual([results, reference(results)]);
    }
  }
});
