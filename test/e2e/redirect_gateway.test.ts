/** The gateway of the redirector from outside: what clients, proxies in front, and those who watch it see. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import {
  conditionOf,
  literalOf,
  modelOf,
  ruleOf,
  serverOf,
  to,
} from "../../src/core/redirect/test_decider.ts";
import { VERSION } from "../../src/core/version.ts";
import { registerHost } from "../../src/planes/redirect/discovery/test_services.ts";
import { testFiles } from "../../src/platform/test_tls.ts";
import type { SessionTrace } from "../../src/planes/redirect/gateway/session_traces.ts";
import type { RedirectStatus } from "../../src/planes/redirect/part.ts";
import { type Fairlead, until as untilHere } from "../support/fairlead.ts";
import { openStore, storeEnvironment } from "../support/store_tools.ts";
import { rawClient, tlsClient } from "../support/raw_client.ts";
import { runFairlead, until } from "./processes_program.ts";
import { askRedirect, embeddedStore, startGateway, writeModel, untilAllDecide } from "./redirect_program.ts";

const PATIENCE = 60_000;
const FILES = Object.fromEntries(Object.entries(testFiles()).map(([path, text]) => [path.slice(1), text]));

const CONFIGURATION = `workers: 2
redirect:
  address: "127.0.0.1:0"
  apps: { a1: {} }
`;

test(
  "RD140 the program is ready as soon as a model can be used, and not before",
  async () => {
    await using fairlead = await runFairlead(CONFIGURATION);
    const health = () => askRedirect(fairlead, "/healthCheck");
    expect(await health()).toMatchObject({ status: 503, text: "no usable model yet" });
    const store = embeddedStore(fairlead);
    await writeModel(store, "a1", 1, modelOf());
    const code = async () => (JSON.parse((await askRedirect(fairlead)).text) as { code: string }).code;
    await until(async () => (await code()) === "no_host", "the model is known");
    expect((await health()).status).toBe(503);
    await registerHost(store, "/EU/z1/1.0/a1", "10.0.0.1");
    await until(async () => (await health()).status === 200, "the model can be used");
    expect((await health()).text).toBe("OK");
    await store.close();
  },
  PATIENCE,
);

test(
  "RD160 healthCheck and version of the running program",
  async () => {
    await using fairlead = await runFairlead(CONFIGURATION);
    const { status, text } = await askRedirect(fairlead, "/version");
    expect([status, JSON.parse(text)]).toMatchObject([200, { projectVersion: VERSION, gitCommitId: "" }]);
    const xml = await askRedirect(fairlead, "/version", { headers: { accept: "application/xml" } });
    expect(xml.text).toStartWith('<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<version>');
    expect((await askRedirect(fairlead, "/healthCheck")).status).toBe(503);
  },
  PATIENCE,
);

/** A model that tells apart who is known to come from 192.0.2.0/24. */
const BY_ADDRESS = modelOf({
  rules: [
    ruleOf(
      "net",
      [conditionOf("inIpRange", { param: "clientAddress", values: ["192.0.2.0/24", "2001:db8::/32"] })],
      to(literalOf("xre://net:1")),
    ),
  ],
  default_server: literalOf("xre://else:1"),
});
const NET = "xre://net:1?ruleName=net";
const ELSE = "xre://else:1";

interface Asked {
  readonly fields?: readonly string[];
  readonly target?: string;
}

function requestOf({ fields = [], target = "/serviceDirect/a1" }: Asked = {}): string {
  return `${[`GET ${target} HTTP/1.1`, "Host: a.test", ...fields].join("\r\n")}\r\n\r\n`;
}

/** Where one is sent who comes with these bytes before the request. */
async function placeOf(fairlead: Fairlead, request: Asked = {}, before = ""): Promise<string | null> {
  using client = await rawClient(fairlead.port("redirect"));
  client.send(before + requestOf(request));
  return (await client.answer()).get("location");
}

const OWN_VALUE: Asked = {
  target: "/serviceDirect/a1?clientAddress=192.0.2.1",
  fields: ["clientAddress: 192.0.2.1"],
};

test("RD167 an address that the client itself names is not looked at", async () => {
  await using fairlead = await startGateway(BY_ADDRESS);
  expect(await placeOf(fairlead, OWN_VALUE)).toBe(ELSE);
  expect(await placeOf(fairlead, { fields: ["X-Forwarded-For: 192.0.2.1"] })).toBe(ELSE);
  expect(await placeOf(fairlead, { fields: ["Forwarded: for=192.0.2.1"] })).toBe(ELSE);
});

test("RD167 the address is that of the PROXY header, and a header of others ends the connection", async () => {
  await using fairlead = await startGateway(BY_ADDRESS, "proxy_protocol: { trusted: [127.0.0.1] }");
  const header = (source: string): string => `PROXY TCP4 ${source} 198.51.100.2 40000 443\r\n`;
  expect(await placeOf(fairlead, {}, header("192.0.2.7"))).toBe(NET);
  expect(await placeOf(fairlead, OWN_VALUE, header("198.51.100.7"))).toBe(ELSE);
  const v6 = "PROXY TCP6 2001:db8::7 2001:db8::1 40000 443\r\n";
  expect(await placeOf(fairlead, {}, v6)).toBe(NET);
  using without = await rawClient(fairlead.port("redirect"));
  without.send(requestOf());
  await without.end();
  expect(without.received.length).toBe(0);
});

test("RD167 the address is the last one of X-Forwarded-For that no trusted proxy has, from trusted proxies alone", async () => {
  await using fairlead = await startGateway(BY_ADDRESS, "trusted_proxies: [127.0.0.1, 10.0.0.0/8]");
  const forwardedFor = (list: string) =>
    placeOf(fairlead, { ...OWN_VALUE, fields: [...OWN_VALUE.fields!, `X-Forwarded-For: ${list}`] });
  expect(await forwardedFor("192.0.2.7")).toBe(NET);
  expect(await forwardedFor("192.0.2.7, 10.1.2.3")).toBe(NET);
  expect(await forwardedFor("192.0.2.7, 198.51.100.1, 10.1.2.3")).toBe(ELSE);
  expect(await placeOf(fairlead, OWN_VALUE)).toBe(ELSE);
  await using other = await startGateway(BY_ADDRESS, "trusted_proxies: [10.0.0.0/8]");
  expect(await placeOf(other, { fields: ["X-Forwarded-For: 192.0.2.7"] })).toBe(ELSE);
});

test("RD167 who may send a parameter is judged by the address that a trusted proxy names", async () => {
  const model = modelOf({
    rules: [
      ruleOf(
        "known",
        [conditionOf("equals", { param: "serviceAccountId", value: "1" })],
        to(literalOf("xre://net:1")),
      ),
    ],
    default_server: literalOf("xre://else:1"),
  });
  await using fairlead = await startGateway(
    model,
    "trusted_proxies: [127.0.0.1]\n  trusted_from: { serviceAccountId: [192.0.2.0/24] }",
  );
  const target = "/serviceDirect/a1?serviceAccountId=1";
  const from = (address: string) => placeOf(fairlead, { target, fields: [`X-Forwarded-For: ${address}`] });
  expect([await from("192.0.2.9"), await from("198.51.100.9"), await placeOf(fairlead, { target })]).toEqual([
    "xre://net:1?ruleName=known",
    ELSE,
    ELSE,
  ]);
});

test("RD160 the gateway answers over TLS, with the certificate of the name that is asked for", async () => {
  const tls = `tls:
    certificates: [{ cert: a.crt, key: a.key }, { cert: b.crt, key: b.key }]
    min_version: 1.3`;
  await using fairlead = await startGateway(BY_ADDRESS, tls, FILES);
  for (const servername of ["a.test", "b.test"]) {
    using connection = await tlsClient(fairlead.port("redirect"), {
      servername,
      ALPNProtocols: ["http/1.1"],
    });
    const { subject } = (connection.socket as TLSSocket).getPeerCertificate();
    const answer = await connection.ask(requestOf());
    expect([subject.CN, answer.status, answer.get("location")]).toEqual([servername, 302, ELSE]);
  }
});

test("a certificate of the gateway that its key does not fit is refused at its place", async () => {
  const tls = "tls: { certificates: [{ cert: a.crt, key: b.key }] }";
  const problem = await startGateway(BY_ADDRESS, tls, FILES).catch(String);
  expect(problem).toContain("redirect.tls.certificates[0].key");
});

const SECRET = "s3cr3t";
/** Everything by which secrets come with a request. */
const SECRETIVE: readonly Asked[] = [
  { target: `/serviceDirect/a1?accessToken=${SECRET}&x=2` },
  { target: `/serviceDirect/a1?token=${SECRET}` },
  { target: `/serviceDirect/nobody?anything=${SECRET}` },
  { target: `/healthCheck?token=${SECRET}` },
  { target: `/elsewhere?token=${SECRET}` },
  { target: `http://user:${SECRET}@a.test/serviceDirect/a1?t=${SECRET}` },
  {
    fields: [
      `Authorization: Bearer ${SECRET}`,
      `Cookie: session=${SECRET}`,
      `X-Access-Token: ${SECRET}`,
      `Referer: http://a.test/?accessToken=${SECRET}`,
      `serviceAccountId: ${SECRET}`,
    ],
  },
  { target: `/serviceDirect/a1?token=${SECRET}`, fields: ["Bad Field: x"] },
];

for (const format of ["json", "clf"] as const)
  test(`RD138 what gives access appears in no log of the form ${format}, whatever it is set to`, async () => {
    const headers = "[authorization, cookie, x-access-token, referer, user-agent]";
    const log = `{ path: access.log, format: ${format}, headers: ${headers}, redact: [], redact_query: [], flush: 10ms }`;
    await using fairlead = await startGateway(BY_ADDRESS, `\nobservability: { access_log: ${log} }`);
    for (const asked of SECRETIVE) {
      using client = await rawClient(fairlead.port("redirect"));
      client.send(requestOf(asked));
      await client.answer();
    }
    using poster = await rawClient(fairlead.port("redirect"));
    const body = JSON.stringify({ accessToken: SECRET, bad: [SECRET] });
    const fields = `Content-Type: application/json\r\nContent-Length: ${body.length}`;
    poster.send(`POST /serviceDirect/a1?token=${SECRET} HTTP/1.1\r\nHost: a\r\n${fields}\r\n\r\n${body}`);
    expect((await poster.answer()).status).toBe(400);
    const path = join(fairlead.directory, "access.log");
    const lines = () => readFileSync(path, "utf8").split("\n").filter(Boolean);
    await until(() => lines().length === SECRETIVE.length + 1, "every request has its line");
    expect(lines().join("\n")).not.toContain(SECRET);
    expect(lines().filter((line) => line.includes("/serviceDirect/a1")).length).toBeGreaterThan(4);
  });

test(
  "RD138 neither the access log nor the log of the program has a secret of a request",
  async () => {
    await using fairlead = await runFairlead(
      `${CONFIGURATION}observability: { access_log: { path: access.log } }\n`,
    );
    const store = embeddedStore(fairlead);
    await writeModel(store, "a1", 1, BY_ADDRESS);
    await untilAllDecide(fairlead);
    await store.close();
    for (const asked of SECRETIVE) {
      using client = await rawClient(fairlead.port("redirect"));
      client.send(requestOf(asked));
      await client.answer();
    }
    const path = join(fairlead.directory, "access.log");
    await until(() => readFileSync(path, "utf8").includes("/elsewhere"), "the requests are logged");
    expect(readFileSync(path, "utf8")).not.toContain(SECRET);
    expect(JSON.stringify([fairlead.program.said, fairlead.program.other])).not.toContain(SECRET);
  },
  PATIENCE,
);

test("a decision's own line says by what it came about, and a refusal why", async () => {
  const model = modelOf({
    rules: [
      ruleOf("gone", [conditionOf("equals", { param: "x", value: "1" })], to(serverOf("9.9"))),
      ruleOf("two", [conditionOf("equals", { param: "x", value: "2" })], to(literalOf("xre://t:1"))),
    ],
    default_server: literalOf("xre://else:1"),
  });
  await using fairlead = await startGateway(model);
  for (const target of ["a1?x=2", "a1?x=1", "nobody?x=1"])
    await placeOf(fairlead, { target: `/serviceDirect/${target}` });
  await placeOf(fairlead, { target: "/healthCheck" });
  const lines = await fairlead.log(4);
  expect(lines.map(({ path, decision }) => ({ path, decision }))).toEqual([
    {
      path: "/serviceDirect/a1",
      decision: {
        app: "a1",
        version: 1,
        type: "PATH_RULE",
        rule: "two",
        url_rules: [],
        stack: "-",
        flavor: "-",
        fallback: false,
      },
    },
    {
      path: "/serviceDirect/a1",
      decision: {
        app: "a1",
        version: 1,
        type: "DEFAULT_SERVER",
        rule: "-",
        url_rules: [],
        stack: "-",
        flavor: "-",
        fallback: true,
      },
    },
    { path: "/serviceDirect/nobody", decision: { refused: "unknown_application" } },
    { path: "/healthCheck", decision: undefined },
  ] as never);
});

test(
  "the metrics say what was decided and refused, by all workers",
  async () => {
    await using fairlead = await runFairlead(
      `${CONFIGURATION}  trusted_from: { serviceAccountId: [192.0.2.0/24] }\n`,
    );
    const store = embeddedStore(fairlead);
    const rules = [
      ruleOf("gone", [conditionOf("equals", { param: "x", value: "1" })], to(serverOf("9.9"))),
      ruleOf("two", [conditionOf("equals", { param: "x", value: "2" })], to(literalOf("xre://t:1"))),
    ];
    await writeModel(store, "a1", 4, modelOf({ rules }));
    await registerHost(store, "/EU/z1/1.0/a1", "10.0.0.1");
    await untilAllDecide(fairlead);
    const metric = (name: string, ...labels: string[]) => fairlead.metric(`redirect_${name}`, ...labels);
    await until(async () => (await metric("decisions_total")) > 0, "the first decision is told");
    const before = await metric("decisions_total", 'type="DEFAULT_SERVER"');
    for (let round = 0; round < 20; round++) {
      await askRedirect(fairlead, "/serviceDirect/a1?x=1");
      await askRedirect(fairlead, "/serviceDirect/a1?x=2");
      await askRedirect(fairlead, "/serviceDirect/nobody");
    }
    await until(
      async () => (await metric("refusals_total", 'app="-"', 'code="unknown_application"')) === 20,
      "refusals are told",
    );
    await until(
      async () => (await metric("decisions_total", 'app="a1"', 'type="PATH_RULE"')) === 20,
      "decisions are told",
    );
    await until(async () => (await metric("fallbacks_total", 'app="a1"')) === 20, "fallbacks are told");
    expect(await metric("decisions_total", 'app="a1"', 'type="DEFAULT_SERVER"')).toBe(before + 20);
    expect(await metric("rule_decisions_total", 'rule="two"')).toBe(20);
    await until(async () => (await metric("model_version", 'app="a1"')) === 4, "the version is told");
    expect(await metric("hosts", 'app="a1"')).toBe(1);
    await writeModel(store, "a1", 5, modelOf({ default_server: null }));
    await until(
      async () => (await metric("models_refused_total", 'app="a1"')) === 1,
      "the refusal is counted",
    );
    expect(await metric("model_version", 'app="a1"')).toBe(4);
    await store.close();
  },
  PATIENCE,
);

test("RD167 parameters that their sender may not say are counted", async () => {
  await using fairlead = await startGateway(
    modelOf({
      rules: [
        ruleOf("known", [conditionOf("equals", { param: "mac", value: "1" })], to(literalOf("xre://net:1"))),
      ],
      default_server: literalOf("xre://else:1"),
    }),
    "trusted_from: { mac: [192.0.2.0/24] }",
  );
  for (let round = 0; round < 3; round++)
    expect(await placeOf(fairlead, { target: "/serviceDirect/a1?mac=1" })).toBe(ELSE);
  expect(await placeOf(fairlead)).toBe(ELSE);
  await untilHere(() => fairlead.metric("redirect_dropped_parameters_total") > 0, "they are counted");
  expect(fairlead.metric("redirect_dropped_parameters_total")).toBe(3);
});

test("RD140 the age of what the next start would use is in the status and a metric", async () => {
  await using fairlead = await startGateway(BY_ADDRESS);
  const command = fairlead.instance.supervisor.command("redirect")!;
  const status = async () =>
    (await command({ command: "redirect" }, undefined as never)) as unknown as RedirectStatus;
  await until(async () => (await status()).last_known_good?.age_ms !== null, "a generation is written");
  const age = () => fairlead.metric("redirect_last_known_good_age_seconds");
  await untilHere(() => age() > 0, "the age is shown");
  expect(age()).toBeLessThan(10);
  expect((await status()).last_known_good!.age_ms! / 1_000).toBeGreaterThanOrEqual(age());
});

test("RD155 hosts that are kept although they are gone are in a metric", async () => {
  await using fairlead = await startGateway(modelOf({ default_server: literalOf("xre://else:1") }));
  const store = openStore("sqlite", {}, storeEnvironment(join(fairlead.directory, "state")));
  const hosts = await Promise.all(
    [1, 2, 3, 4].map((number) => registerHost(store, "/EU/z1/1.0/a1", `10.0.0.${number}`)),
  );
  const kept = () => fairlead.metric("redirect_hosts_kept", 'app="a1"');
  await untilHere(() => fairlead.metric("redirect_hosts", 'app="a1"') === 4, "all hosts are known");
  expect(kept()).toBe(0);
  await Promise.all(hosts.slice(0, 3).map((host) => host.close()));
  await untilHere(() => kept() === 3, "three hosts are kept");
  await store.close();
});

test("RD161 decisions for other datacenters are counted by how they came about", async () => {
  await using fairlead = await startGateway(
    modelOf({ whitelist: ["/EU/z1", "/US/z1"] }),
    "defaults: { spill_over: { datacenter: EU, min_hosts: 2 } }\n  discovery: { max_loss: 100% }",
  );
  const store = openStore("sqlite", {}, storeEnvironment(join(fairlead.directory, "state")));
  const far = await registerHost(store, "/US/z1/1.0/a1", "10.0.9.1");
  const near = await Promise.all([1, 2].map((n) => registerHost(store, "/EU/z1/1.0/a1", `10.0.0.${n}`)));
  const spills = (how: string) => fairlead.metric("redirect_spill_overs_total", 'app="a1"', `how="${how}"`);
  /** Places of some decisions in a row. */
  const places = async (): Promise<string[]> => {
    const found: string[] = [];
    for (let round = 0; round < 6; round++) found.push((await placeOf(fairlead)) ?? "");
    return [...new Set(found)].toSorted();
  };
  const url = (address: string) => `http://${address}:8080/app`;
  const until = async (expected: readonly string[]): Promise<void> => {
    for (const end = performance.now() + 5_000; !Bun.deepEquals(await places(), expected);)
      if (performance.now() > end) expect(await places()).toEqual([...expected]);
  };
  await until([url("10.0.0.1"), url("10.0.0.2")]);
  await near[1]!.close();
  await until([url("10.0.0.1"), url("10.0.9.1")]);
  await untilHere(() => spills("mixed") > 0, "mixed decisions are counted");
  await near[0]!.close();
  await until([url("10.0.9.1")]);
  await untilHere(() => spills("remote") > 0, "remote decisions are counted");
  await Promise.all([1, 2].map((n) => registerHost(store, "/EU/z1/1.0/a1", `10.0.0.${n}`)));
  await until([url("10.0.0.1"), url("10.0.0.2")]);
  await far.close();
  await store.close();
});

test(
  "RD137 traces of sessions come from all workers, only where the setting is on, and can be cleared",
  async () => {
    await using fairlead = await runFairlead(CONFIGURATION);
    const store = embeddedStore(fairlead);
    await writeModel(store, "a1", 1, modelOf({ default_server: literalOf("xre://else:1") }));
    await untilAllDecide(fairlead);
    await store.close();
    const traces = (...words: string[]) =>
      fairlead.command("redirect", "traces", ...words, "--runtime-dir", join(fairlead.directory, "run"));
    expect((await traces()).error).toContain("requests are not traced; the setting redirect.session_traces");
    await fairlead.apply(`${CONFIGURATION}  session_traces: { sessions: 10 }\n`);
    for (let number = 0; number < 40; number++)
      await askRedirect(
        fairlead,
        `/serviceDirect/a1?rSessionId=s${number % 20}&testInfo=1&accessToken=${SECRET}`,
      );
    const { sessions } = JSON.parse((await traces("a1", "--json")).out) as { sessions: SessionTrace[] };
    // Of two workers each keeps the ten newest that it has seen.
    expect(sessions.length).toBeGreaterThanOrEqual(10);
    expect(sessions.length).toBeLessThanOrEqual(20);
    expect(sessions[0]).toMatchObject({ app: "a1", actual: { type: "DEFAULT_SERVER" } });
    expect(JSON.stringify(sessions)).not.toContain(SECRET);
    const { id } = sessions[0]!;
    expect((await traces("--session", id)).out).toMatch(
      new RegExp(`^a1 "${id}"\n  \\S+ default server\n  \\S+ sent to xre://else:1\n`),
    );
    expect((await traces("--clear")).code).toBe(0);
    expect((await traces()).out).toBe("no session is kept\n");
  },
  PATIENCE,
);

test("hosts may take turns by chance", async () => {
  await using fairlead = await startGateway(modelOf(), "defaults: { strategy: random }");
  const store = openStore("sqlite", {}, storeEnvironment(join(fairlead.directory, "state")));
  for (const number of [1, 2]) await registerHost(store, "/EU/z1/1.0/a1", `10.0.0.${number}`);
  await untilHere(() => fairlead.metric("redirect_hosts", 'app="a1"') === 2, "both hosts are known");
  const places = new Set<string>();
  for (let round = 0; round < 200 && places.size < 2; round++)
    places.add((await placeOf(fairlead)) ?? "nowhere");
  expect([...places].toSorted()).toEqual(["http://10.0.0.1:8080/app", "http://10.0.0.2:8080/app"]);
  await store.close();
});
