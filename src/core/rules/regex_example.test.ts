import { expect, test } from "bun:test";
import fc from "fast-check";
import { LinearRegex } from "./linear_regex.ts";
import { regexExample } from "./regex_example.ts";

test.each([
  ["12...bc"],
  ["a|b"],
  ["(?:ab)+c?d*"],
  ["^[0-9a-f]{2}(:[0-9a-f]{2}){5}$"],
  ["\\d{3}-\\w+\\s"],
  ["[^a0A]x"],
  ["(?P<name>x|y)\\."],
  ["[]a]"],
  ["v[0-9]+(\\.[0-9]+)*"],
])("RD122 an example of %p is one", (pattern) => {
  const text = regexExample(pattern);
  expect(new LinearRegex(`^(?:${pattern})$`).test(text!)).toBe(true);
});

test("RD122 what is not understood has no example", () => {
  for (const pattern of ["(?i)a", "\\p{L}", "(", "[a", "a)", "*", "(a{100}){101}"])
    expect(regexExample(pattern)).toBeNull();
});

test("any pattern gives a text or none, in no time", () => {
  fc.assert(
    fc.property(
      fc.string({ maxLength: 60 }),
      fc.stringMatching(/^[ab()[\]|*+?.\\{}^$0-9,-]{0,30}$/),
      (any, odd) => {
        for (const pattern of [any, odd]) expect(regexExample(pattern)?.length ?? 0).toBeLessThan(200_000);
      },
    ),
  );
});
