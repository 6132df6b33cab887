import { expect, test } from "bun:test";
import fc from "fast-check";
import { compileRule } from "../../src/core/rules/rule.ts";
import { fuzzRules, RULE_SEEDS } from "./rules.ts";

/** Milliseconds for each of the two runs. */
const BUDGET = 3_000;
const options = {
  numRuns: 1_000_000,
  interruptAfterTimeLimit: BUDGET,
  markInterruptAsFailure: false,
} as const;
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

const token = fc.constantFrom(
  ..."Host HostRegexp Path PathPrefix PathRegexp Method Header HeaderRegexp Query QueryRegexp ClientIP ( ) , && || ! ` \" \\ & | ' /a /%2f /.. //".split(
    " ",
  ),
  ..."a.com *.a.com **.a.com * [::1] 10.0.0.0/8 ^ $ .* (a|b) [a-z]+ (?i) {2} GET \\u00e9 \\x é \0 \n".split(
    " ",
  ),
  " ",
);

test("H-J21/rules the seeds of the fuzzer are rules", () => {
  for (const seed of RULE_SEEDS) {
    expect(compileRule(seed).compiled).not.toBeNull();
    fuzzRules(encode(seed));
  }
});

test(
  "H-J21/rules tokens in any order are read or refused in a sentence",
  () => {
    fc.assert(
      fc.property(fc.array(token, { maxLength: 40 }), (tokens) => fuzzRules(encode(tokens.join("")))),
      options,
    );
  },
  BUDGET * 5,
);

test(
  "H-J21/rules seeds with changed bytes are read or refused in a sentence",
  () => {
    const change = fc.record({ at: fc.nat(100), remove: fc.nat(3), insert: fc.uint8Array({ maxLength: 4 }) });
    const changed = fc.tuple(
      fc.constantFrom(...RULE_SEEDS),
      fc.constantFrom(...RULE_SEEDS),
      fc.array(change, { maxLength: 4 }),
    );
    let read = 0;
    fc.assert(
      fc.property(changed, ([first, second, changes]) => {
        const bytes = [...encode(`${first} || ${second}`)];
        for (const { at, remove, insert } of changes) bytes.splice(at % bytes.length, remove, ...insert);
        fuzzRules(Uint8Array.from(bytes));
        read++;
      }),
      options,
    );
    expect(read).toBeGreaterThan(100);
  },
  BUDGET * 5,
);
