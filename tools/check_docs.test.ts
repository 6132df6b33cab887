import { expect, test } from "bun:test";
import { parts } from "../src/composition.ts";
import { errorProblems, fenceProblems, linkProblems, nameProblems } from "./check_docs.ts";

const exists =
  (...paths: string[]) =>
  (path: string): boolean =>
    paths.includes(path);

test("links must lead to files and headings", () => {
  const text = `# One page
See [a](../README.md), [b](other.md#second-part-1), [c](#one-page), [d](https://example.com/x), \`[e](none.md)\`.
[bad](gone.md) and
[bad too](other.md#third-part) and [bad](#nowhere)
`;
  const other = { path: "docs/other.md", text: "## Second part\n## Second part\n```\n# third part\n```\n" };
  const pages = [{ path: "docs/page.md", text }, other];
  expect(linkProblems(pages, exists("README.md", "docs/other.md", "docs/page.md"))).toEqual([
    "docs/page.md:3: the link to gone.md leads nowhere",
    "docs/page.md:4: docs/other.md has no heading for #third-part",
    "docs/page.md:4: docs/page.md has no heading for #nowhere",
  ]);
});

test("guides must name files and scripts that exist", () => {
  const text =
    "1. `src/core/plan.ts`, `platform/sockets.ts`, `src/core/`, `src/core/<name>.ts`, `method.ts`, `GET /x`.\n2. `src/gone.ts`, `src/no/`; `bun run gen`, `npm run nothing`.\n";
  const there = exists("src/core/plan.ts", "src/platform/sockets.ts", "src/core/");
  expect(nameProblems([{ path: "docs/changes/a.md", text }], there, { gen: "x" })).toEqual([
    "docs/changes/a.md:2: there is no script nothing",
    "docs/changes/a.md:2: src/gone.ts is not there",
    "docs/changes/a.md:2: src/no/ is not there",
  ]);
  expect(nameProblems([{ path: "docs/health.md", text: "`conf.d/a.yaml`" }], there, {})).toEqual([]);
});

test("the error table, its page and the code must agree", () => {
  const files = [
    { path: "docs/reference/errors.md", text: "| `FL_A` |\n| `FL_OLD` |\n" },
    { path: "src/net/a.ts", text: 'fail("FL_A");\n// FL_B\nfail("FL_WRONG");\n' },
    { path: "src/net/a.test.ts", text: 'expect("FL_B");\n' },
    { path: "src/core/errors.ts", text: "FL_A FL_B" },
  ];
  expect(errorProblems(files, ["FL_A", "FL_B"])).toEqual([
    "docs/reference/errors.md:2: FL_OLD is not in src/core/errors.ts",
    "src/net/a.ts:3: FL_WRONG is not in src/core/errors.ts",
    "docs/reference/errors.md: FL_B is missing; run `bun run gen`",
    "src/core/errors.ts: nothing ends with FL_B",
  ]);
});

test("configurations in fences must be right, in whole or in part", async () => {
  const text = `text
\`\`\`yaml
pools:
  web: { stratgy: random, backends: [{ url: "http://10.0.0.1" }] }
\`\`\`
\`\`\`yaml
routes: [{ pool: elsewhere }]
\`\`\`
\`\`\`yaml
headers:
  custom_request_heders: {}
\`\`\`
\`\`\`yaml # not checked
what: ever
\`\`\`
`;
  const problems = await fenceProblems([{ path: "docs/a.md", text }], await parts.config());
  expect(problems.map((problem) => problem.replace(/(: unknown key).*/, "$1"))).toEqual([
    "docs/a.md:4:10: pools.web.stratgy: unknown key",
    "docs/a.md:11:7: middlewares.sample.headers.custom_request_heders: unknown key",
  ]);
});
