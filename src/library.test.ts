import { expect, test } from "bun:test";
import fc from "fast-check";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_REDIRECT_APP } from "./core/defaults.ts";
import {
  literalOf,
  modelOf,
  ONE_HOST,
  ruleOf,
  conditionOf,
  stackOf,
  to,
} from "./core/redirect/test_decider.ts";
import { anyModel, namedLists } from "./core/redirect/test_models.ts";
import { strategyByName } from "./core/strategies/all.ts";
import { createRedirector } from "./library.ts";
import { runStep } from "./planes/http/middleware/test_exchange.ts";
import { strategyNames } from "./planes/redirect/gateway/app_decider.ts";
import { ManualClock } from "./platform/clock.ts";
import { GatewayWorker } from "./planes/redirect/gateway/gateway_worker.ts";
import {
  appDocument,
  hostsDocument,
  LISTS_DOCUMENT,
  type PublishedApp,
} from "./planes/redirect/gateway/published.ts";
import { TEST_HOST } from "./planes/redirect/gateway/test_gateway.ts";

const STACKS = [
  stackOf("/EU/z1/1.0", "10.0.0.1", "10.0.0.2*2"),
  stackOf("/EU/z1/2.1", "10.2.0.1"),
  stackOf("/US/z2/2.1", "10.1.0.1*3", "10.1.0.2"),
];

/** What clients may say, and in JSON say as a text. */
const contexts = fc.record(
  {
    mac: fc.constantFrom("b", "00:00:00:00:00:01", " "),
    serviceAccountId: fc.string({ maxLength: 6, unit: "grapheme" }),
    model: fc.constantFrom("xyxy", "12.5", "<a&b>", "é ✓ 😀", "a,b;c"),
    Größe: fc.constantFrom("1.10", "]]>", ""),
    connectUrl: fc.constantFrom("xre://s:1/app?a=b&c=d", "?"),
  },
  { requiredKeys: [] },
);

/** The answer of the gateway to a POST with these parameters. */
function answerOf(worker: GatewayWorker, parameters: object): unknown {
  const body = JSON.stringify(parameters);
  const step = worker.gateway.step(true);
  const bytes = new TextEncoder().encode(body);
  const run = runStep(
    {
      name: "with its body",
      onRequest(exchange) {
        exchange.bodyBytes = bytes;
        return step.onRequest!(exchange);
      },
    },
    {
      method: "POST",
      target: "/serviceDirect/a1",
      fields: ["Host: a", "Content-Type: application/json", `Content-Length: ${bytes.length}`],
    },
  );
  const written = Buffer.from(run.written, "latin1").toString("utf8");
  return JSON.parse(written.slice(written.indexOf("\r\n\r\n") + 4));
}

test("RD148 the library decides as the gateway does, whatever model, lists and client", () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(
      anyModel,
      namedLists,
      fc.array(contexts, { minLength: 1, maxLength: 6 }),
      fc.record({
        compat: fc.boolean(),
        strategy: fc.constantFrom("round_robin" as const, "random" as const),
        affinity: fc.constantFrom("none" as const, "host" as const),
      }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (model, lists, clients, chosen, drawn) => {
        const random = () => drawn;
        const plan = { ...DEFAULT_REDIRECT_APP, ...chosen, answer: "locations" as const };
        const parts = { random, strategy: strategyByName, clock: new ManualClock(), tell: () => {} };
        const worker = new GatewayWorker(parts, TEST_HOST);
        const published: PublishedApp = {
          version: 1,
          model,
          options: { ...plan, ...strategyNames(plan), feedback: null },
        };
        worker.documents({
          [appDocument("a1")]: published,
          [hostsDocument("a1")]: STACKS,
          [LISTS_DOCUMENT]: lists,
        });
        const library = createRedirector({ app: "a1", model, lists, hosts: STACKS, options: chosen, random });
        for (const client of clients) {
          // The gateway knows the address by itself.
          const decided = library.decide({
            ...(client as Record<string, string>),
            clientAddress: "192.0.2.1",
          });
          const answer = answerOf(worker, client);
          expect(
            "code" in decided ? decided : { location: JSON.parse(JSON.stringify(decided.location)) },
          ).toEqual(answer as never);
          seen.add("code" in decided ? decided.code : decided.type);
        }
      },
    ),
    { numRuns: 300 },
  );
  expect([...seen].toSorted()).toEqual(expect.arrayContaining(["DEFAULT_SERVER", "PATH_RULE", "no_host"]));
}, 60_000);

test("hosts may take turns by chance", () => {
  const hosts = [stackOf("/EU/z1/1.0", "10.0.0.1", "10.0.0.2")];
  const redirector = createRedirector({ model: modelOf(), hosts, options: { strategy: "random" } });
  const places = Array.from({ length: 100 }, () => {
    const answer = redirector.decide({});
    return "code" in answer ? answer.code : answer.location[0]!.destination;
  });
  expect([...new Set(places)].toSorted()).toEqual(["10.0.0.1", "10.0.0.2"]);
});

test("other hosts act at once, and what is odd about a model is told", () => {
  const rules = [
    ruleOf("beta", [conditionOf("contains", { param: "mac", lists: ["beta"] })], to(literalOf("xre://t:1"))),
    ruleOf("bad", [conditionOf("matches", { param: "mac", pattern: "(" })], to(literalOf("xre://t:2"))),
  ];
  const redirector = createRedirector({ model: modelOf({ rules }), hosts: [] });
  expect(redirector.problems).toEqual([
    expect.stringMatching(/^rule bad: /),
    "rule beta: there is no list beta",
  ]);
  expect(redirector.decide({})).toEqual({ code: "no_host", message: "no host is there" });
  redirector.setHosts(ONE_HOST);
  expect(redirector.decide({})).toMatchObject({
    type: "DEFAULT_SERVER",
    location: [{ url: "http://10.0.0.1:8080/app" }],
  });
});

test("the library needs nothing of the machine, so that browsers can run it", async () => {
  const built = await Bun.build({ entrypoints: [`${import.meta.dir}/library.ts`], target: "browser" });
  const text = await built.outputs[0]!.text();
  expect(text.length).toBeGreaterThan(10_000);
  expect(text).not.toMatch(/from "(?:node|bun):|\bBun\.|\bprocess\./);
});

test("RD148 the example of the documentation says what stands there", async () => {
  const page = readFileSync(`${import.meta.dir}/../docs/redirect.md`, "utf8");
  const [, code = "", said = ""] = /```ts\n([^]*?)```\n\n```text\n([^]*?)```/.exec(page)!;
  const folder = mkdtempSync(join(tmpdir(), "fairlead-library-"));
  const file = join(folder, "example.ts");
  writeFileSync(file, code.replace('"./src/library.ts"', JSON.stringify(`${import.meta.dir}/library.ts`)));
  const child = Bun.spawn([process.execPath, file], { stdio: ["ignore", "pipe", "pipe"] });
  const [out, error] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  expect([await child.exited, out, error]).toEqual([0, said, ""]);
  rmSync(folder, { recursive: true });
}, 30_000);
