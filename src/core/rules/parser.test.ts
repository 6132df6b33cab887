import { expect, test } from "bun:test";
import { parseRule, RULE_DEPTH_LIMIT, RULE_LENGTH_LIMIT, type Expression } from "./parser.ts";
import { RuleError } from "./rule_error.ts";

/** The rule with every grouping shown. */
function shown(expression: Expression): string {
  switch (expression.kind) {
    case "matcher":
      return `${expression.name}<${expression.values.map(({ value }) => value).join("|")}>`;
    case "not":
      return `!${shown(expression.operand)}`;
    default:
      return `(${expression.operands.map(shown).join(` ${expression.kind} `)})`;
  }
}

function errorOf(text: string): RuleError {
  try {
    parseRule(text);
  } catch (error) {
    if (error instanceof RuleError) return error;
    throw error;
  }
  throw new Error(`${text} was accepted`);
}

test("`!` binds closer than `&&`, and `&&` closer than `||`", () => {
  const table: [string, string][] = [
    ["A(`1`)", "A<1>"],
    ["A(`1`) && B(`2`) || C(`3`) && !D(`4`)", "((A<1> and B<2>) or (C<3> and !D<4>))"],
    ["A(`1`) || B(`2`) && C(`3`)", "(A<1> or (B<2> and C<3>))"],
    ["(A(`1`) || B(`2`)) && C(`3`)", "((A<1> or B<2>) and C<3>)"],
    ["!(A(`1`) && B(`2`)) || !!C(`3`)", "(!(A<1> and B<2>) or !!C<3>)"],
    ["A(`1`)&&(B(`2`)&&(C(`3`)))", "(A<1> and B<2> and C<3>)"],
    [" \t\r\nA ( `1` , `2` ) ", "A<1|2>"],
    ["A()", "A<>"],
  ];
  for (const [rule, tree] of table) expect([rule, shown(parseRule(rule))]).toEqual([rule, tree]);
});

test("values are Go's strings: raw in backticks, with escapes in double quotes", () => {
  const table: [string, string][] = [
    ['A(`a\\.b"c`)', 'A<a\\.b"c>'],
    ['A("a\\\\.b\\"c`d")', 'A<a\\.b"c`d>'],
    ['A("\\x41\\u00e9\\U0001f9ad\\t\\n")', "A<Aé\u{1f9ad}\t\n>"],
    ["A(`two\nlines`)", "A<two\nlines>"],
    ["A(`é\u{1f9ad}`)", "A<é\u{1f9ad}>"],
  ];
  for (const [rule, tree] of table) expect([rule, shown(parseRule(rule))]).toEqual([rule, tree]);
});

test("a mistake is told in one sentence with its place", () => {
  const table: [rule: string, message: string][] = [
    ["", "the rule ends at column 1, expected a matcher such as Host(`example.com`)"],
    ["A(`1`) &&", "the rule ends at column 10, expected a matcher such as Host(`example.com`)"],
    ["A(`1`) B(`2`)", "unexpected `B` at column 8, expected `&&`, `||` or the end of the rule"],
    ["A(`1`))", "unexpected `)` at column 7, expected `&&`, `||` or the end of the rule"],
    ["(A(`1`)", "the rule ends at column 8, expected `&&`, `||` or a closing parenthesis"],
    ["A", "the rule ends at column 2, expected an opening parenthesis after the name of a matcher"],
    ["A(b)", "unexpected `b` at column 3, expected a value in backticks or double quotes"],
    ["A(`1`,)", "unexpected `)` at column 7, expected a value in backticks or double quotes"],
    ["A(`1` `2`)", "unexpected value at column 7, expected a comma or a closing parenthesis"],
    ["A(`1", "a value that does not end at column 3, expected a closing backtick"],
    ['A("1', "a value that does not end at column 3, expected a closing double quote"],
    ['A("1\n")', "a value that does not end at column 3, expected a closing double quote"],
    ["A('1')", "a single quote at column 3, expected backticks or double quotes around a value"],
    ["A(`1`) & B(`2`)", "a single `&` at column 8, expected `&&`"],
    ["A(`1`)\n  | B(`2`)", "a single `|` at line 2, column 3, expected `||`"],
    [
      "A(`1`) \u{1f9ad}",
      'unexpected "\u{1f9ad}" at column 8, expected a matcher such as Host(`example.com`)',
    ],
  ];
  for (const [rule, message] of table) expect([rule, errorOf(rule).message]).toEqual([rule, message]);
});

test("escapes that Go does not know are refused where they stand", () => {
  for (const escape of ["\\q", "\\x4", "\\xg1", "\\u12", "\\ud800", "\\U00110000", "\\__proto__", "\\"]) {
    const error = errorOf(`A("ab${escape}")`);
    if (escape !== "\\") expect([escape, error.what, error.column]).toEqual([escape, "an unknown escape", 6]);
  }
});

test("length and depth have limits", () => {
  expect(errorOf(`A(\`${"x".repeat(RULE_LENGTH_LIMIT)}\`)`).expected).toBe(`at most ${RULE_LENGTH_LIMIT}`);
  const nested = (depth: number): string => `${"(".repeat(depth)}A(\`1\`)${")".repeat(depth)}`;
  expect(shown(parseRule(nested(RULE_DEPTH_LIMIT)))).toBe("A<1>");
  expect(errorOf(nested(RULE_DEPTH_LIMIT + 1)).what).toBe("nesting too deep");
  expect(errorOf(`${"!".repeat(100_000)}`.slice(0, RULE_LENGTH_LIMIT)).what).toBe("nesting too deep");
  const wide = Array.from({ length: 1_000 }, () => "(A(`1`))").join("||");
  expect(shown(parseRule(wide)).length).toBeGreaterThan(1_000);
});
