/** Fuzz entry of the rule language: any bytes as a rule, and a request made of the same bytes. */
import { parseQuery } from "../../src/core/rules/query.ts";
import { parseRule, type Expression } from "../../src/core/rules/parser.ts";
import { PlainRequest } from "../../src/core/rules/plain_request.ts";
import { compileRule, matchesRule, type Rule } from "../../src/core/rules/rule.ts";
import { RuleError } from "../../src/core/rules/rule_error.ts";
import { isNormalPath, matchPath, readablePath, stripPathPrefix } from "../../src/core/text/path.ts";
import { compileRouter } from "../../src/planes/http/router/router.ts";
import type { FuzzEntry, Outcome } from "./engine.ts";

/** Rules that a fuzzer starts from. */
export const RULE_SEEDS: readonly string[] = [
  "Host(`example.com`) && PathPrefix(`/api/`)",
  "Host(`*.example.com`) || Host(`**.example.org`) || Host(`*`)",
  "!(HostRegexp(`^(a|b)\\.example\\.com$`) && Path(`/x y/%2f`))",
  'PathRegexp("^/v[0-9]+/\\u00e9") && Method(`get`)',
  "Header(`X-A`, `1`) && HeaderRegexp(`X-B`, `(?i)^on$`)",
  "Query(`q`) || Query(`q`, `1`) || QueryRegexp(`q`, `.+`)",
  "ClientIP(`10.0.0.0/8`) || ClientIP(`::ffff:10.0.0.1`) || ClientIP(`fd00::/8`)",
];

const TOKENS: readonly string[] = [
  ..."Host HostRegexp Path PathPrefix PathRegexp Method Header HeaderRegexp Query QueryRegexp ClientIP".split(
    " ",
  ),
  ..."( ) , && || ! ` \" \\ & | ' /a /%2f /.. // a.com *.a.com **.a.com * [::1] 10.0.0.0/8 ^ $ .*".split(" "),
  ..."(a|b) [a-z]+ (?i) {2} GET \\u00e9 \\x \u00e9 (` `) &&! (?:a*)*".split(" "),
];

/** Throws when an invariant is broken. A rule that is refused with a RuleError is a good outcome. */
function fuzzRules(bytes: Uint8Array): Outcome {
  const text = new TextDecoder().decode(bytes);
  const rule = compileOrNull(text);
  if (rule === null) return "refused";
  const request = requestFrom(bytes);
  const taken = matchesRule(rule, request);
  const router = compileRouter([{ match: text, priority: 0, listeners: [] }]);
  check((router.find(request) === 0) === taken, "router and rule disagree");
  if (text === "") return "empty";
  const written = writeRule(parseRule(text));
  check(writeRule(parseRule(written)) === written, "a rule that is written again reads differently");
  check(
    matchesRule(compileRule(written), request) === taken,
    "a rule that is written again takes other requests",
  );
  return `${kindsOf(parseRule(text))} ${taken}`;
}

/** The matchers and operators of an expression, each once: which part of the language an input is in. */
function kindsOf(expression: Expression): string {
  const kinds = new Set<string>();
  const visit = (part: Expression): void => {
    kinds.add(part.kind === "matcher" ? part.name : part.kind);
    if (part.kind === "not") visit(part.operand);
    else if (part.kind !== "matcher") part.operands.forEach(visit);
  };
  visit(expression);
  return [...kinds].toSorted().join(" ");
}

/** `excuses`: the errors that are not a surprise. */
function compileOrNull(text: string, excuses = /./): Rule | null {
  try {
    return compileRule(text);
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    check(error.offset >= 0 && error.offset <= text.length, "the place of an error lies outside the rule");
    check(error.what !== "" && error.expected !== "", "an error says too little");
    check(excuses.test(error.what), `a rule that is written again cannot be read: ${error.message}`);
    return null;
  }
}

/** A request whose parts come from the bytes, cut where zeros stand. */
function requestFrom(bytes: Uint8Array): PlainRequest {
  const latin1 = Buffer.from(bytes).toString("latin1");
  const [host = "", path = "", query = "", value = ""] = latin1.split("\0");
  const normal = matchPath(`/${path}`);
  if (normal !== null) checkPath(`/${path}`, normal);
  check(parseQuery(query).length % 2 === 0, "a query is not a list of pairs");
  return new PlainRequest({
    host: host.toLowerCase(),
    path: normal ?? "/",
    query,
    headers: [["x-a", value]],
    clientAddress: value,
  });
}

function checkPath(path: string, normal: string): void {
  check(matchPath(normal) === normal && isNormalPath(normal), "a normal form is not stable");
  check(!/\/\.{0,2}\/|\/\.{1,2}$/.test(normal), "a normal form has a dot segment or an empty one");
  check(readablePath(normal).startsWith("/"), "a readable path has lost its slash");
  check(
    matchPath(mergeSlashes(resolveDots(path))) === normal,
    "servers that resolve first read another path",
  );
  check(matchPath(resolveDots(mergeSlashes(path))) === normal, "servers that merge first read another path");
  const stripped = stripPathPrefix(path, "/");
  check(stripped === null || isNormalPath(stripped), "a stripped path climbs");
}

/** By the parser of WHATWG URL. */
function resolveDots(path: string): string {
  return new URL(`http://a${path}`).pathname;
}

function mergeSlashes(path: string): string {
  return path.replace(/\/{2,}/g, "/");
}

/** A rule text with the meaning of `expression`. */
function writeRule(expression: Expression): string {
  switch (expression.kind) {
    case "matcher":
      return `${expression.name}(${expression.values.map(({ value }) => writeValue(value)).join(",")})`;
    case "not":
      return `!${writeRule(expression.operand)}`;
    default:
      return `(${expression.operands.map(writeRule).join(expression.kind === "and" ? "&&" : "||")})`;
  }
}

function writeValue(value: string): string {
  if (!value.includes("`")) return `\`${value}\``;
  return `"${value.replace(/["\\]/g, "\\$&").replaceAll("\n", "\\n")}"`;
}

function check(condition: boolean, message: string): void {
  if (!condition) throw new Error(message);
}

export const rules: FuzzEntry = {
  name: "rules",
  seeds: () => RULE_SEEDS.map((seed) => new TextEncoder().encode(seed)),
  run: fuzzRules,
  tokens: TOKENS,
};
