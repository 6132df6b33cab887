import { expect, test } from "bun:test";
import { runStep, type TestRequest, type TestRun } from "../../http/middleware/test_exchange.ts";
import type { Condition, Destination, RedirectModel } from "../../../core/redirect/model.ts";
import {
  conditionOf,
  DEFAULT_URL,
  deciderOf,
  literalOf,
  modelOf,
  ONE_HOST,
  ruleOf,
  serverOf,
  stackOf,
  to,
} from "../../../core/redirect/test_decider.ts";
import type { StackHosts } from "../../../core/redirect/hosts.ts";
import { VERSION } from "../../../core/version.ts";
import type { AnswerOptions } from "./answers.ts";
import { trustedSources } from "./client_parameters.ts";
import { AppFeedback } from "../feedback/app_feedback.ts";
import { FeedbackGatherer } from "../feedback/reports.ts";
import { ManualClock } from "../../../platform/clock.ts";
import { Gateway } from "./gateway.ts";
import type { GatewayApp } from "./gateway_app.ts";
import { TEST_HOST } from "./test_gateway.ts";

const REDIRECT: AnswerOptions = { answer: "redirect", location: "full", answer_headers: false };

interface Settings {
  readonly model?: RedirectModel;
  readonly options?: Partial<AnswerOptions>;
  readonly stacks?: readonly StackHosts[];
  readonly trusted?: Readonly<Record<string, readonly string[]>>;
  readonly feedback?: AppFeedback | null;
}

function gatewayOf({
  model = modelOf(),
  options = {},
  stacks = ONE_HOST,
  trusted = {},
  feedback = null,
}: Settings = {}): Gateway {
  const gateway = new Gateway(TEST_HOST);
  const app: GatewayApp = {
    name: "a1",
    decider: deciderOf(model, {}, stacks),
    version: 7,
    options: { ...REDIRECT, ...options },
    feedback,
  };
  const coming: GatewayApp = {
    name: "coming",
    decider: null,
    version: 0,
    options: REDIRECT,
    feedback: null,
  };
  gateway.setState({
    apps: new Map([
      ["a1", app],
      ["coming", coming],
      ["a b", app],
    ]),
    trusted: trustedSources(trusted),
    traced_sessions: 0,
  });
  return gateway;
}

const ask = (settings: Settings, target: string, request: TestRequest = {}): TestRun =>
  runStep(gatewayOf(settings).step(false), { target, ...request });

function post(
  settings: Settings,
  body: string,
  type = "application/json",
  target = "/serviceDirect/a1",
  further: readonly string[] = [],
): TestRun {
  const gateway = gatewayOf(settings);
  const fields = ["Host: a.example", `Content-Length: ${Buffer.byteLength(body)}`, ...further];
  if (type !== "") fields.push(`Content-Type: ${type}`);
  const step = gateway.step(true);
  return runStep(
    {
      name: "with its body",
      onRequest(exchange) {
        exchange.bodyBytes = new TextEncoder().encode(body);
        return step.onRequest!(exchange);
      },
    },
    { method: "POST", target, fields, body: "" },
  );
}

const bodyOf = (run: TestRun): unknown => JSON.parse(run.written.slice(run.written.indexOf("\r\n\r\n") + 4));

/** A rule for clients whose parameter `x` is 2. */
const RULED = modelOf({
  rules: [ruleOf("two", [conditionOf("equals", { param: "x", value: "2" })], to(literalOf("xre://t:1")))],
});
const location = (run: TestRun): string | null => run.answerField("location");

test("RD02 a redirect has the whole decided URL, or for old clients its origin", () => {
  const server = serverOf("1.0", { query: [{ key: "ch", value: "b" }] });
  const model = modelOf({ default_server: server });
  const target = "/serviceDirect/a1?connectUrl=xre%3A%2F%2Fs%3A1%2Fapp%3Fa%3Db";
  const run = ask({ model }, target);
  expect([run.status, location(run)]).toEqual([302, "http://10.0.0.1:8080/app?a=b&ch=b"]);
  expect(location(ask({ model, options: { location: "origin" } }, target))).toBe("http://10.0.0.1:8080");
});

test("RD03 a list of locations has the port as a text", () => {
  const run = ask({ options: { answer: "locations" } }, "/serviceDirect/a1");
  expect([run.status, run.answerField("content-type")]).toEqual([200, "application/json"]);
  expect(bodyOf(run)).toEqual({
    location: [
      {
        url: "http://10.0.0.1:8080/app",
        destination: "10.0.0.1",
        protocol: "http",
        port: "8080",
        urn: "app",
        ip_version: 4,
        description: "/EU/z1",
        context: {},
      },
    ],
  });
});

const ANSWERS = ["redirect", "locations"] as const;

/** Status, code, location and Retry-After of a refusal. */
const refusalOf = (run: TestRun): unknown => [
  run.status,
  (bodyOf(run) as { code: string }).code,
  location(run),
  run.answerField("retry-after"),
];

test("RD04 an application that nobody knows is not found", () => {
  for (const answer of ANSWERS) {
    const run = ask({ options: { answer } }, "/serviceDirect/nobody");
    expect(refusalOf(run)).toEqual([404, "unknown_application", null, null]);
    expect(bodyOf(run)).toEqual({ code: "unknown_application", message: "there is no such application" });
  }
});

test("RD05 an application that has no model yet is to be asked again", () => {
  for (const answer of ANSWERS) {
    const run = ask({ options: { answer } }, "/serviceDirect/coming");
    expect(refusalOf(run)).toEqual([503, "no_model", null, "1"]);
  }
});

test("RD06 without any host of rule, share and default server there is no location", () => {
  const model = modelOf({
    rules: [ruleOf("two", [conditionOf("equals", { param: "x", value: "2" })], to(serverOf("2.0")))],
    distribution: [{ percent: 99.9, server: serverOf("3.0") }],
  });
  const targets = ["?x=2", "?mac=a", ""].map((query) => `/serviceDirect/a1${query}`);
  for (const answer of ANSWERS) {
    const settings: Settings = { model, options: { answer }, stacks: [] };
    for (const target of targets)
      expect(refusalOf(ask(settings, target))).toEqual([503, "no_host", null, "1"]);
  }
  const there = ["2.0", "3.0", "1.0"].map((flavor) => stackOf(`/EU/z1/${flavor}`, `10.0.0.${flavor[0]}`));
  const places = targets.map((target) => location(ask({ model, stacks: there }, target)));
  expect(places).toEqual([
    "http://10.0.0.2:8080/app?ruleName=two",
    "http://10.0.0.3:8080/app",
    "http://10.0.0.1:8080/app",
  ]);
});

test("RD07 the query beats a field, and of a repeated key the first value counts", () => {
  const fields = ["Host: a", "x: 1"];
  expect(location(ask({ model: RULED }, "/serviceDirect/a1?x=2&x=3", { fields }))).toStartWith("xre://t:1");
  expect(location(ask({ model: RULED }, "/serviceDirect/a1?x=3&x=2", { fields }))).toStartWith(
    "http://10.0.0.1",
  );
  expect(location(ask({ model: RULED }, "/serviceDirect/a1?%78=%32"))).toStartWith("xre://t:1");
});

test("RD07 the body beats a field", () => {
  const place = (body: string, field: string): string | null =>
    location(post({ model: RULED }, body, undefined, undefined, [field]));
  expect(place('{"x":"2"}', "x: 1")).toStartWith("xre://t:1");
  expect(place('{"x":"1"}', "x: 2")).toStartWith("http://10.0.0.1");
  expect(place("{}", "x: 2")).toStartWith("xre://t:1");
});

test("RD08 a blank field is empty, as it was not sent", () => {
  const placeBy = (condition: Condition, field: string): string | null => {
    const model = modelOf({ rules: [ruleOf("r", [condition], to(literalOf("xre://t:1")))] });
    return location(ask({ model }, "/serviceDirect/a1", { fields: ["Host: a", field] }));
  };
  // The second one holds only where nothing was sent.
  const absent = conditionOf("equals", { param: "x", value: "none", missing: true });
  for (const condition of [conditionOf("isEmpty", { param: "x" }), absent]) {
    expect(placeBy(condition, "x:  ")).toStartWith("xre://t:1");
    expect(placeBy(condition, "x:")).toStartWith("xre://t:1");
    expect(placeBy(condition, "x: y")).toStartWith("http://10.0.0.1");
  }
});

test("RD160 names of fields count exactly first, then in any letters", () => {
  const withFields = (...fields: string[]) =>
    location(ask({ model: RULED }, "/serviceDirect/a1", { fields: ["Host: a", ...fields] }));
  expect(withFields("X: 2")).toStartWith("xre://t:1");
  expect(withFields("X: 1", "x: 2")).toStartWith("xre://t:1");
  expect(withFields("X: 2", "x: 1")).toStartWith("http://10.0.0.1");
});

test("RD09 a body is a flat object: scalars are texts, null is absent", () => {
  const place = (body: string): string | null => location(post({ model: RULED }, body));
  for (const body of ['{"x":"2"}', '{"x":2}']) expect(place(body)).toStartWith("xre://t:1");
  for (const body of ["{}", '{"x":null}', '{"x":true}']) expect(place(body)).toStartWith("http://10.0.0.1");
  for (const [body, detail] of [
    ['{"x":{"y":1}}', '"x" is not flat'],
    ['{"x":[1]}', '"x" is not flat'],
    ["[]", "not an object"],
    ["{", "not JSON"],
  ] as const) {
    const run = post({ model: RULED }, body);
    expect([run.status, (bodyOf(run) as { message: string }).message]).toEqual([
      400,
      expect.stringContaining(detail),
    ]);
  }
  expect(post({}, "x=2", "application/x-www-form-urlencoded").status).toBe(415);
  expect(post({ model: RULED }, '{"x":2}', "").status).toBe(302);
  expect(post({ model: RULED }, '{"x":2}', "Application/JSON; charset=utf-8").status).toBe(302);
});

test("RD167 a parameter of others than those who may say it is dropped, and the address is ours", () => {
  const trusted = { x: ["192.0.2.0/24"] };
  const gateway = { model: RULED, trusted };
  expect(location(ask(gateway, "/serviceDirect/a1?x=2"))).toStartWith("xre://t:1");
  const other = { client: { address: "198.51.100.1" } };
  expect(location(ask(gateway, "/serviceDirect/a1?x=2", other))).toStartWith("http://10.0.0.1");
  const model = modelOf({
    rules: [
      ruleOf(
        "net",
        [conditionOf("inIpRange", { param: "clientAddress", values: ["192.0.2.0/24"] })],
        to(literalOf("xre://t:1")),
      ),
    ],
  });
  expect(location(ask({ model }, "/serviceDirect/a1?clientAddress=10.0.0.1"))).toStartWith("xre://t:1");
  expect(location(ask({ model }, "/serviceDirect/a1?clientAddress=192.0.2.1", other))).toStartWith(
    "http://10",
  );
});

test("RD162 fields that tell of the decision only where they are asked for", () => {
  const run = ask({ model: RULED, options: { answer_headers: true } }, "/serviceDirect/a1?x=2");
  const told = ["Rule", "Type", "Version", "Stack"].map((name) => run.answerField(`X-Fairlead-${name}`));
  expect(told).toEqual(["two", "PATH_RULE", "7", null]);
  const stack = ask({ options: { answer_headers: true, answer: "locations" } }, "/serviceDirect/a1");
  expect(stack.answerField("X-Fairlead-Stack")).toBe("/EU/z1/1.0");
  expect(ask({ model: RULED }, "/serviceDirect/a1?x=2").written).not.toContain("X-Fairlead");
});

test("RD160 healthCheck says OK, and 503 while nobody can be decided for", () => {
  const ready = ask({}, "/healthCheck");
  expect([ready.status, ready.written.endsWith("\r\n\r\nOK")]).toEqual([200, true]);
  expect(runStep(new Gateway(TEST_HOST).step(false), { target: "/healthCheck" }).status).toBe(503);
});

test("RD140 not ready while the default server of no model has a host", () => {
  expect(ask({ stacks: [] }, "/healthCheck").status).toBe(503);
  expect(ask({ stacks: [stackOf("/EU/z2/1.0", "10.0.0.1")] }, "/healthCheck").status).toBe(503);
  const literal = modelOf({ default_server: literalOf("xre://t:1") });
  expect(ask({ model: literal, stacks: [] }, "/healthCheck").status).toBe(200);
});

test("RD160 version as JSON, or as XML for those who prefer it", () => {
  const json = ask({}, "/version");
  expect([json.status, json.answerField("content-type")]).toEqual([200, "application/json"]);
  expect(bodyOf(json)).toEqual({
    projectName: "fairlead",
    projectVersion: VERSION,
    serviceName: "redirectorGateway",
    serviceVersion: VERSION,
    source: "",
    rev: "",
    gitBranch: "",
    gitBuildTime: "",
    gitCommitId: "",
    gitCommitTime: "",
  });
  const accepting = (...accepts: string[]) =>
    ask({}, "/version", { fields: ["Host: a", ...accepts.map((accept) => `Accept: ${accept}`)] });
  const xml = accepting("application/xml");
  expect([xml.status, xml.answerField("content-type")]).toEqual([200, "application/xml"]);
  expect(xml.written).toContain(
    `<version>\n    <projectName>fairlead</projectName>\n    <projectVersion>${VERSION}</projectVersion>`,
  );
  const types = [
    ["*/*", "json"],
    ["text/xml", "xml"],
    ["application/xml, application/json", "json"],
    ["application/json;q=0.5, application/xml;q=0.8", "xml"],
    ["text/html, application/xml;q=0.9, */*;q=0.8", "xml"],
    ["application/xml;q=0", "json"],
    ["text/plain", "json"],
  ] as const;
  for (const [accept, type] of types)
    expect([accept, accepting(accept).answerField("content-type")]).toEqual([accept, `application/${type}`]);
  expect(accepting("text/html", "application/xml").answerField("content-type")).toBe("application/xml");
});

test("RD160 a redirect of a server group leads to its first member that has hosts", () => {
  const servers = [serverOf("9.9"), serverOf("1.0"), literalOf("xre://t:1")];
  const group: Destination = { kind: "group", servers, enable_private: false, countdown: 0 };
  const model = modelOf({
    rules: [ruleOf("g", [conditionOf("equals", { param: "x", value: "2" })], group)],
  });
  expect(location(ask({ model }, "/serviceDirect/a1?x=2"))).toBe("http://10.0.0.1:8080/app?ruleName=g");
});

test("RD160 scalars of other kinds match their texts, and null is as absent", () => {
  const model = modelOf({
    rules: [
      ruleOf("yes", [conditionOf("equals", { param: "x", value: "true" })], to(literalOf("xre://yes:1"))),
      ruleOf("half", [conditionOf("equals", { param: "x", value: "0.5" })], to(literalOf("xre://half:1"))),
      ruleOf("none", [conditionOf("isEmpty", { param: "x" })], to(literalOf("xre://none:1"))),
    ],
  });
  const place = (body: string): string | null => location(post({ model }, body));
  expect(place('{"x":true}')).toStartWith("xre://yes:1");
  expect(place('{"x":5e-1}')).toStartWith("xre://half:1");
  expect(place('{"x":null}')).toStartWith("xre://none:1");
});

test("RD160 another media type than JSON is refused, and so is another method than GET and POST", () => {
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"]) {
    const run = post({}, "{}", type);
    expect([run.status, bodyOf(run)]).toMatchObject([415, { code: "unsupported_media_type" }]);
  }
  const put = ask({}, "/serviceDirect/a1", { method: "PUT", fields: ["Host: a", "Content-Length: 0"] });
  expect([put.status, put.answerField("allow")]).toEqual([405, "GET, POST"]);
  expect(ask({}, "/serviceDirect/a1", { method: "HEAD" }).status).toBe(302);
});

for (const scheme of ["ws", "wss", "xre"])
  test(`RD149 a server with the scheme ${scheme} has it in its location, with path and query`, () => {
    const query = [{ key: "ch", value: "b" }];
    const rules = [
      ruleOf(
        "literal",
        [conditionOf("equals", { param: "x", value: "1" })],
        to(literalOf(`${scheme}://t.example:9/live/tv?q=1`, { query })),
      ),
      ruleOf("hosts", [conditionOf("equals", { param: "x", value: "2" })], to(serverOf("1.0", { query }))),
    ];
    const model = modelOf({ rules, default_url: { ...DEFAULT_URL, protocol: scheme, urn: "live/tv" } });
    const connect = "connectUrl=xre%3A%2F%2Fs%3A1%2Fapp%3Fa%3Db";
    const at = (x: number) => ask({ model }, `/serviceDirect/a1?x=${x}&${connect}`);
    expect([at(1).status, location(at(1))]).toEqual([
      302,
      `${scheme}://t.example:9/live/tv?q=1&a=b&ch=b&ruleName=literal`,
    ]);
    expect(location(at(2))).toBe(`${scheme}://10.0.0.1:8080/live/tv?a=b&ch=b&ruleName=hosts`);
    expect(location(at(3))).toBe(`${scheme}://10.0.0.1:8080/live/tv?a=b`);
    const listed = ask({ model, options: { answer: "locations" } }, `/serviceDirect/a1?x=1&${connect}`);
    expect(bodyOf(listed)).toMatchObject({
      location: [{ protocol: scheme, destination: "t.example", port: "9" }],
    });
    const origin = ask({ model, options: { location: "origin" } }, "/serviceDirect/a1?x=1");
    expect(location(origin)).toBe(`${scheme}://t.example:9`);
  });

test("RD55 a literal URL without a port has no colon in the location", () => {
  for (const [url, origin] of [
    ["xre://t.example", "xre://t.example"],
    ["http://t.example/live", "http://t.example"],
    ["http://[2001:db8::1]/live", "http://[2001:db8::1]"],
  ] as const) {
    const model = modelOf({
      rules: [ruleOf("r", [conditionOf("isEmpty", { param: "x" })], to(literalOf(url)))],
    });
    const run = ask({ model }, "/serviceDirect/a1");
    expect([run.status, location(run)]).toEqual([302, `${url}?ruleName=r`]);
    const short = ask({ model, options: { location: "origin" } }, "/serviceDirect/a1");
    expect([short.status, location(short)]).toEqual([302, origin]);
  }
});

test("an answer is one field whatever the model says, and names of applications may be encoded", () => {
  const url = "xre://t:1/a\r\nSet-Cookie:%20b é\ud800";
  const model = modelOf({ default_server: literalOf(url) });
  const run = ask({ model }, "/serviceDirect/a%20b");
  expect(run.status).toBe(302);
  expect(run.answerField("Set-Cookie")).toBeNull();
  expect(location(run)).toBe("xre://t:1/a%0D%0ASet-Cookie:%20b%20%C3%A9%EF%BF%BD");
  expect(ask({}, "/serviceDirect/a%ff").status).toBe(404);
});

test("RD165 with feedback answers carry a token, and each way of reporting has its status", () => {
  const clock = new ManualClock();
  const settings = { key: "k".repeat(32), max_age_ms: 60_000, per_address: 8, per_app: 100 };
  const feedback = new AppFeedback("a1", settings, clock, new FeedbackGatherer(clock, () => {}));
  const redirect = ask({ feedback }, "/serviceDirect/a1").answerField("x-fairlead-feedback")!;
  const locations = bodyOf(ask({ feedback, options: { answer: "locations" } }, "/serviceDirect/a1"));
  const { feedback: listed } = locations as { feedback: string };
  const report = (token: string, given: Settings = { feedback }): TestRun =>
    post(given, JSON.stringify({ token, ok: true }), undefined, "/serviceDirect/a1/feedback");
  const forged = `${redirect.startsWith("A") ? "B" : "A"}${redirect.slice(1)}`;
  const answers = [redirect, listed, listed, forged, "no token"].map((token) => {
    const run = report(token);
    return run.status === 204 ? 204 : [run.status, (bodyOf(run) as { code: string }).code];
  });
  expect(answers).toEqual([
    204,
    204,
    [409, "feedback_replayed"],
    [401, "feedback_forged"],
    [400, "feedback_malformed"],
  ]);
  expect(report(forged).answerField("www-authenticate")).toBe("Fairlead-Feedback");
  clock.advance(60_001);
  const late = report(listed);
  expect([late.status, bodyOf(late)]).toEqual([
    401,
    { code: "feedback_expired", message: "the token is too old" },
  ]);
  while (report("x").status !== 429) expect(clock.now()).toBe(60_001);
  expect(report("x").answerField("retry-after")).toBe("60");
  const off = report(listed, {});
  expect([off.status, (bodyOf(off) as { code: string }).code]).toEqual([404, "no_feedback"]);
  expect(ask({}, "/serviceDirect/a1").answerField("x-fairlead-feedback")).toBeNull();
  expect(post({ feedback }, "{}", undefined, "/serviceDirect/other/feedback").status).toBe(404);
  expect(ask({ feedback }, "/serviceDirect/a1/feedback").status).toBe(404);
});
