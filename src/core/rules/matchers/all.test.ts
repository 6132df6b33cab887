import { expect, test } from "bun:test";
import type { Condition, HostPattern, PathPattern } from "../matcher.ts";
import { PlainRequest, type RequestValues } from "../plain_request.ts";
import { compileRule, matchesRule } from "../rule.ts";
import { RuleError } from "../rule_error.ts";
import { MATCHERS } from "./all.ts";

interface Cases {
  /** Rule, requests that it takes, requests that it does not take. */
  readonly matches: readonly (readonly [
    rule: string,
    yes: readonly RequestValues[],
    no: readonly RequestValues[],
  ])[];
  /** Rules that are refused, with the message. */
  readonly errors: readonly (readonly [rule: string, message: string])[];
}

const hosts = (...names: string[]): RequestValues[] => names.map((host) => ({ host }));
const paths = (...names: string[]): RequestValues[] => names.map((path) => ({ path }));
const queries = (...texts: string[]): RequestValues[] => texts.map((query) => ({ query }));
const clients = (...texts: string[]): RequestValues[] => texts.map((clientAddress) => ({ clientAddress }));
const field = (name: string, ...values: string[]): RequestValues => ({
  headers: values.map((value) => [name, value] as const),
});

const HOST_FORMS = "a name such as example.com, *.example.com or **.example.com, an address, or *";

/** By matcher: what it takes and refuses. The contract test below wants an entry for every matcher. */
const CASES: Readonly<Record<string, Cases>> = {
  Host: {
    matches: [
      ["Host(`example.com`)", hosts("example.com"), hosts("", "a.example.com", "example.co", "xexample.com")],
      ["Host(`EXAMPLE.com.`)", hosts("example.com"), hosts("example.com.x")],
      [
        "Host(`*.example.com`)",
        hosts("a.example.com"),
        hosts("example.com", "a.b.example.com", ".example.com"),
      ],
      [
        "Host(`**.example.com`)",
        hosts("a.example.com", "a.b.example.com"),
        hosts("example.com", "xexample.com", ".example.com"),
      ],
      ["Host(`*`)", hosts("a", "[::1]"), hosts("")],
      ["!Host(`a`)", hosts("b"), hosts("a", "")],
      ["Host(`[::1]`)", hosts("[::1]", "::1"), hosts("::2")],
      ["Host(`::1`) || Host(`10.0.0.1`)", hosts("[::1]", "10.0.0.1"), hosts("10.0.0.2")],
      ["host(`xn--9t9h.com`)", hosts("xn--9t9h.com"), hosts("example.com")],
      ["HOST(`my_host`)", hosts("my_host"), hosts("my-host")],
    ],
    errors: [
      [
        "Host(`a:80`)",
        `host \`a:80\` has a port, which is never compared at column 6, expected ${HOST_FORMS}`,
      ],
      ["Host(`a b`)", `malformed host \`a b\` at column 6, expected ${HOST_FORMS}`],
      ["Host(`a.*.b`)", `malformed host \`a.*.b\` at column 6, expected ${HOST_FORMS}`],
      ["Host(`*.10.0.0.1`)", `malformed host \`*.10.0.0.1\` at column 6, expected ${HOST_FORMS}`],
      ["Host(`*.`)", `malformed host \`*.\` at column 6, expected ${HOST_FORMS}`],
      [
        "Host(`\u{1f9ad}.com`)",
        "host `\u{1f9ad}.com` has letters beyond ASCII at column 6, expected its punycode form (xn--…)",
      ],
      [
        "Host(`\u212a.com`)",
        "host `\u212a.com` has letters beyond ASCII at column 6, expected its punycode form (xn--…)",
      ],
      [
        "Host(`a`, `b`)",
        "Host with 2 values at column 1, expected 1 (name); write Host(…) || Host(…) for more",
      ],
    ],
  },
  HostRegexp: {
    matches: [
      ["HostRegexp(`^[a-z-]+\\.com$`)", hosts("example.com"), hosts("", "example.org", "a.b.com")],
      [
        "HostRegexp(`^(a|b)\\.example\\.com$`)",
        hosts("a.example.com", "b.example.com"),
        hosts("c.example.com"),
      ],
      ["HostRegexp(`example`)", hosts("my.example.com"), hosts("other")],
      ["HostRegexp(`^[A-Z]+$`)", [], hosts("example", "EXAMPLE".toLowerCase())],
      ["HostRegexp(`^$`) || PathPrefix(`/`)", hosts("a"), hosts("")],
    ],
    errors: [
      [
        "HostRegexp(`(a`)",
        "malformed regex (missing closing ): `(a`) at column 12, expected Go's regex syntax, without look-around and back-references",
      ],
      [
        "HostRegexp(`é`)",
        "a host regex with letters beyond ASCII at column 12, expected the punycode form (xn--…) of names",
      ],
    ],
  },
  Path: {
    matches: [
      ["Path(`/css`)", paths("/css"), paths("/", "/css/", "/css/a", "/CSS", "*")],
      ["Path(`/foo bar/%7Bid%7d/café`)", paths("/foo%20bar/%7Bid%7D/caf%C3%A9"), paths("/foo")],
      ["Path(`/{id}/%61`)", paths("/%7Bid%7D/a"), []],
      ["Path(`/a%2fb`)", paths("/a%2Fb"), paths("/a/b")],
    ],
    errors: [
      ["Path(`css`)", "path `css` does not start with a slash at column 6, expected a path such as /api"],
      [
        "Path(`/a?b`)",
        "path `/a?b` holds `?` at column 6, expected a path without query and fragment (see Query)",
      ],
      ["Path(`/a%zz`)", "malformed escape in path `/a%zz` at column 6, expected % and two hex digits"],
      [
        "Path(`/a/%2e%2e/b`)",
        "path `/a/%2e%2e/b` can never be matched, as slashes are merged and dot segments resolved first at column 6, expected `/b`",
      ],
      [
        "Path(`/a/.`)",
        "path `/a/.` can never be matched, as slashes are merged and dot segments resolved first at column 6, expected `/a/`",
      ],
    ],
  },
  PathPrefix: {
    matches: [
      ["PathPrefix(`/api`)", paths("/api", "/api/", "/apis"), paths("/", "/ap", "/API", "*")],
      ["PathPrefix(`/api/.`)", paths("/api/.env"), paths("/api/env")],
      ["PathPrefix(`/`)", paths("/", "/x"), paths("*")],
      ["PathPrefix(`/a%2`) || Path(`/b`)".replace("%2", "%2F"), paths("/a%2Fx"), paths("/a/x")],
    ],
    errors: [
      [
        "PathPrefix(`/a//b`)",
        "path `/a//b` can never be matched, as slashes are merged and dot segments resolved first at column 12, expected `/a/b`",
      ],
      ["PathPrefix(`/a%2`)", "malformed escape in path `/a%2` at column 12, expected % and two hex digits"],
    ],
  },
  PathRegexp: {
    matches: [
      ["PathRegexp(`^/(css|js)`)", paths("/css", "/js/main.js"), paths("/", "/CSS", "/x/css")],
      ["PathRegexp(`\\.(jpe?g|png)$`)", paths("/a/b.jpg", "/a.png"), paths("/a.png/x")],
      ["PathRegexp(`(?i)^/products`)", paths("/Products/1"), paths("/product")],
      ["PathRegexp(`^/foo bar/é$`)", paths("/foo%20bar/%C3%A9"), paths("/foo")],
      ["PathRegexp(`^/[^/]+$`)", paths("/a%2Fb"), paths("/a/b")],
      ['PathRegexp("^/{id}$")', paths("/%7Bid%7D"), paths("/id")],
    ],
    errors: [
      [
        "PathRegexp(`/(?=a)`)",
        "malformed regex (invalid or unsupported Perl syntax: `(?=`) at column 12, expected Go's regex syntax, without look-around and back-references",
      ],
    ],
  },
  Method: {
    matches: [
      ["Method(`GET`)", [{ method: "GET" }], [{ method: "get" }, { method: "POST" }]],
      ["Method(`get`)", [{ method: "GET" }], [{ method: "get" }]],
    ],
    errors: [["Method(`G T`)", "malformed method `G T` at column 8, expected a method such as GET"]],
  },
  Header: {
    matches: [
      [
        "Header(`X-Version`, `2`)",
        [field("x-version", "1", "2")],
        [{}, field("X-Version", "22"), field("X-Version", "1, 2")],
      ],
      ["Header(`a`, `é`)", [field("A", "\xc3\xa9")], [field("A", "\xe9")]],
    ],
    errors: [
      ["Header(`a b`, `c`)", "malformed field name `a b` at column 8, expected a name such as X-Version"],
      ["Header(`a`)", "Header with 1 value at column 1, expected 2 (name, value)"],
    ],
  },
  HeaderRegexp: {
    matches: [
      [
        "HeaderRegexp(`Accept`, `json|xml`)",
        [field("accept", "text/html", "application/json")],
        [{}, field("accept", "text/html")],
      ],
      ["HeaderRegexp(`a`, `^é$`)", [field("A", "\xc3\xa9")], [field("A", "\xe9")]],
    ],
    errors: [
      [
        "HeaderRegexp(`a`, `*`)",
        "malformed regex (missing argument to repetition operator: `*`) at column 19, expected Go's regex syntax, without look-around and back-references",
      ],
    ],
  },
  Query: {
    matches: [
      [
        "Query(`mobile`, `true`)",
        queries("mobile=true", "a&mobile=false&mobile=true", "mobile=%74rue"),
        queries("", "mobile", "mobile=true1", "x=mobile=true"),
      ],
      ["Query(`webhook`)", queries("webhook", "webhook=", "webhook=1&webhook"), queries("webhook=1", "")],
      ["Query(`a b`, `é`)", queries("a+b=%C3%A9"), queries("a+b=%E9")],
    ],
    errors: [["Query(`a`, `b`, `c`)", "Query with 3 values at column 1, expected 1 or 2 (key, value)"]],
  },
  QueryRegexp: {
    matches: [
      ["QueryRegexp(`page`, `^[0-9]+$`)", queries("page=12", "page=x&page=1"), queries("page=x", "page", "")],
      ["QueryRegexp(`page`)", queries("page"), queries("page=1")],
      ["QueryRegexp(`a`, `^.*b$`)", queries("a=xb"), queries("a=x%0Ab")],
    ],
    errors: [
      [
        "QueryRegexp(`a`, `[`)",
        "malformed regex (missing closing ]: `[`) at column 18, expected Go's regex syntax, without look-around and back-references",
      ],
    ],
  },
  ClientIP: {
    matches: [
      [
        "ClientIP(`127.0.0.1`)",
        clients("127.0.0.1", "::ffff:127.0.0.1"),
        clients("127.0.0.2", "", "1", "::1"),
      ],
      ["ClientIP(`192.168.1.0/24`)", clients("192.168.1.1", "192.168.1.255"), clients("192.168.2.1")],
      ["ClientIP(`10.0.0.0/13`)", clients("10.7.255.255"), clients("10.8.0.0", "::a07:1")],
      ["ClientIP(`0.0.0.0/0`)", clients("1.2.3.4", "::ffff:1.2.3.4"), clients("::1")],
      ["ClientIP(`::/0`)", clients("::1", "fe80::1%eth0"), clients("1.2.3.4")],
      ["ClientIP(`::ffff:10.0.0.0/104`)", clients("10.1.2.3"), clients("11.0.0.0")],
      ["ClientIP(`fd00::/8`)", clients("fd12::1", "FD00::"), clients("fe00::1")],
      ["!ClientIP(`10.0.0.0/8`)", clients("", "11.0.0.1"), clients("10.0.0.1")],
    ],
    errors: [
      [
        "ClientIP(`1`)",
        "malformed address `1` at column 10, expected an address or a network such as 10.0.0.0/8 or fd00::/8",
      ],
      [
        "ClientIP(`10.0.0.0/33`)",
        "malformed address `10.0.0.0/33` at column 10, expected an address or a network such as 10.0.0.0/8 or fd00::/8",
      ],
    ],
  },
};

for (const matcher of MATCHERS) {
  test(`${matcher.name} takes what it says and refuses what cannot be meant`, () => {
    const { matches, errors } = CASES[matcher.name]!;
    expect(matches.length).toBeGreaterThan(0);
    for (const [text, yes, no] of matches) {
      const rule = compileRule(text);
      for (const values of yes) expect([text, values, taken(text, values)]).toEqual([text, values, true]);
      for (const values of no) expect([text, values, taken(text, values)]).toEqual([text, values, false]);
      expect(rule.priority).toBeGreaterThan(0);
    }
    for (const [text, message] of errors) expect([text, errorOf(text)]).toEqual([text, message]);
  });

  test(`${matcher.name} keeps the contract of matchers`, () => {
    expect(matcher.name).toMatch(/^[A-Z][A-Za-z]+$/);
    expect(matcher.summary).toMatch(/\.$/);
    const many = matcher.parameters.length + 1;
    const call = (values: string[]): string =>
      `${matcher.name}(${values.map((each) => `\`${each}\``).join(", ")})`;
    expect(errorOf(call([]))).toContain("with 0 values at column 1");
    expect(errorOf(call(Array<string>(many).fill("/a")))).toContain(`with ${many} values at column 1`);
    expect(errorOf(call(matcher.parameters.map(() => "")))).toContain("an empty value");
  });

  const indexed = CASES[matcher.name]!.matches.flatMap(([text, yes, no]) => {
    const { compiled } = compileRule(text);
    if (compiled?.kind !== "condition") return [];
    const { condition } = compiled;
    return condition.hosts === undefined && condition.paths === undefined
      ? []
      : [{ text, yes, no, condition }];
  });
  if (indexed.length > 0)
    test(`${matcher.name} gives an index only what is necessary`, () => {
      expect.hasAssertions();
      for (const { text, yes, no, condition } of indexed) {
        for (const values of yes)
          expect([text, values, isNamed(condition, values)]).toEqual([text, values, true]);
        if (condition.sufficient === true)
          for (const values of no)
            expect([text, values, isNamed(condition, values)]).toEqual([text, values, false]);
      }
    });
}

test("conditions on hosts and paths are those that name some for an index", () => {
  const naming = MATCHERS.filter(({ name }) =>
    CASES[name]!.matches.some(([text]) => {
      const { compiled } = compileRule(text);
      if (compiled?.kind !== "condition") return false;
      return compiled.condition.hosts !== undefined || compiled.condition.paths !== undefined;
    }),
  );
  expect(naming.map(({ name }) => name)).toEqual(["Host", "HostRegexp", "Path", "PathPrefix", "PathRegexp"]);
});

test("every matcher has cases, and names are unique in any case", () => {
  expect(Object.keys(CASES)).toEqual(MATCHERS.map(({ name }) => name));
  expect(new Set(MATCHERS.map(({ name }) => name.toLowerCase())).size).toBe(MATCHERS.length);
});

/** True when the hosts and the paths of a condition, in plain words, name those of a request. */
function isNamed(
  { hosts: named, paths: begun }: Condition,
  { host = "", path = "/" }: RequestValues,
): boolean {
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  const takesHost = (each: HostPattern): boolean => {
    if (each.kind === "any") return bare !== "";
    if (each.kind === "literal") return bare === each.host;
    const more = bare.endsWith(`.${each.suffix}`) ? bare.slice(0, -each.suffix.length - 1) : "";
    return each.kind === "labels" ? more !== "" : /^[^.]+$/.test(more);
  };
  const takesPath = (each: PathPattern): boolean =>
    each.kind === "exact" ? path === each.path : path.startsWith(each.path);
  return (named?.some(takesHost) ?? true) && (begun?.some(takesPath) ?? true);
}

function taken(text: string, values: RequestValues): boolean {
  const request = new PlainRequest(
    text.toLowerCase().includes("host") ? values : { host: "example.com", ...values },
  );
  return matchesRule(compileRule(text), request);
}

function errorOf(text: string): string {
  try {
    compileRule(text);
  } catch (error) {
    if (error instanceof RuleError) return error.message;
    throw error;
  }
  return "accepted";
}
