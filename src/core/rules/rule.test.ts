import { expect, test } from "bun:test";
import { REGEX_WARNING_COUNT, RegexCache } from "./linear_regex.ts";
import { PlainRequest } from "./plain_request.ts";
import { compileRule, matchesRule, regexWarning } from "./rule.ts";
import type { MatchRequest } from "./request.ts";

const message = (text: string): string => {
  try {
    compileRule(text);
  } catch (error) {
    return (error as Error).message;
  }
  return "accepted";
};

test("priority is the length of the rule in bytes, and `**` counts as nothing", () => {
  expect(compileRule("Host(`a`)").priority).toBe(9);
  expect(compileRule(" Host(`a`)").priority).toBe(10);
  expect(compileRule("Path(`/é`)").priority).toBe(11);
  const names = ["Host(`a.example.com`)", "Host(`*.example.com`)", "Host(`**.example.com`)"];
  const [exact, one, many] = names.map((text) => compileRule(text).priority) as [number, number, number];
  expect(exact).toBe(one);
  expect(many).toBeLessThan(one);
  expect(compileRule("").priority).toBe(Number.NEGATIVE_INFINITY);
});

test("operators mean what they say", () => {
  const request = new PlainRequest({ host: "a", path: "/x" });
  const table: [string, boolean][] = [
    ["Host(`a`) && Path(`/x`)", true],
    ["Host(`a`) && Path(`/y`)", false],
    ["Host(`b`) || Path(`/x`)", true],
    ["Host(`b`) || Path(`/y`)", false],
    ["!Host(`b`)", true],
    ["!(Host(`b`) || Path(`/x`))", false],
    ["Host(`b`) && Path(`/x`) || Method(`GET`)", true],
    ["Host(`b`) && (Path(`/x`) || Method(`GET`))", false],
    ["", true],
  ];
  for (const [text, expected] of table)
    expect([text, matchesRule(compileRule(text), request)]).toEqual([text, expected]);
});

test("H-A13/match a request without a host goes only to rules that do not read the host", () => {
  const request = new PlainRequest({ host: "" });
  for (const text of ["Host(`a`)", "!Host(`a`)", "HostRegexp(`.*`)", "Host(`*`)", "Path(`/`) || Host(`a`)"])
    expect([text, matchesRule(compileRule(text), request)]).toEqual([text, false]);
  for (const text of ["", "Path(`/`)", "!Path(`/x`)"])
    expect([text, matchesRule(compileRule(text), request)]).toEqual([text, true]);
});

test("unknown names are answered with the name that was meant", () => {
  expect(message("Hots(`a`)")).toBe("unknown matcher `Hots` at column 1, expected `Host`");
  expect(message("Headers(`a`, `b`)")).toBe("unknown matcher `Headers` at column 1, expected `Header`");
  expect(message("Path(`/`) && Quer(`a`)")).toBe("unknown matcher `Quer` at column 14, expected `Query`");
  expect(message("Paht(`/`)")).toContain("expected `Path`");
  expect(message("Nothing(`a`)")).toContain("expected one of Host, HostRegexp, Path, ");
  expect(message("constructor(`a`)")).toContain("unknown matcher");
});

test("header and query are read only when a rule needs them", () => {
  const untouched: MatchRequest = {
    host: "a",
    path: "/x",
    method: "GET",
    listener: "web",
    get clientAddress(): string {
      throw new Error("clientAddress was read");
    },
    header: () => {
      throw new Error("header was read");
    },
    query: () => {
      throw new Error("query was read");
    },
  };
  const rule = compileRule(
    "(Host(`a`) || Header(`a`, `b`)) && (Method(`GET`) || Query(`q`) || ClientIP(`::1`))",
  );
  expect(matchesRule(rule, untouched)).toBe(true);
  expect(() => matchesRule(compileRule("Query(`q`)"), untouched)).toThrow("query was read");
});

test("more than a hundred regexes are worth a warning", () => {
  const regexes = new RegexCache();
  for (let index = 0; index <= REGEX_WARNING_COUNT; index++) {
    expect(regexWarning(regexes.count)).toBeNull();
    compileRule(`PathRegexp(\`^/${index}/[a-z]+$\`)`, regexes);
  }
  expect(regexWarning(regexes.count)).toContain("101 different regexes");
});

test("H-I11/match a path that means two things is refused in a rule, as it is in a request", () => {
  for (const name of ["Path", "PathPrefix"]) {
    expect(() => compileRule(`${name}(\`/a//../b\`)`)).toThrow("it means two things");
    expect(() => compileRule(`${name}(\`/a%2\`)`)).toThrow("malformed escape");
  }
});
