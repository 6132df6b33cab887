import { expect, test } from "bun:test";
import { REGEX_WARNING_COUNT } from "./linear_regex.ts";
import { RuleChecks, ruleProblem, rulesWarning } from "./rule_problem.ts";

test("rules that were checked before are judged as at first", () => {
  const checks = new RuleChecks();
  for (const text of ["Host(`a.example`)", "Hots(`a`)", "PathRegexp(`^/[0-9]+x`)", "PathRegexp(`(`)", ""]) {
    const problem = ruleProblem(text);
    for (let time = 0; time < 2; time++) expect(checks.problem(text)).toEqual(problem);
  }
});

test("regexes are counted over the rules of each configuration", () => {
  const checks = new RuleChecks();
  const many = Array.from(
    { length: REGEX_WARNING_COUNT + 1 },
    (_, index) => `PathRegexp(\`^/[0-9]+x${index}\`)`,
  );
  const plain = Array.from({ length: 10 }, (_, index) => `Host(\`h${index}.example\`)`);
  for (const rules of [many, many.slice(1), [...plain, ...many], plain, many]) {
    for (const rule of rules) checks.problem(rule);
    expect(checks.warning(rules)).toBe(rulesWarning(rules));
  }
  expect(checks.warning(many)).not.toBeNull();
});
