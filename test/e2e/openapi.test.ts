/**
 * Every operation of the OpenAPI document is called on the real program, and each status that the document names is met; the
 * answers are validated by the document's own schemas. An operation or a status that is added without a call fails here.
 */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { z } from "zod";
import { askOnce, type Answer } from "../support/raw_client.ts";
import { runFairlead, type RunningFairlead } from "./processes_program.ts";

const PATIENCE = { timeout: 60_000 };
const TOKEN = "0123456789-0123456789-0123456789";

interface Reference {
  readonly $ref?: string;
}

interface DocumentAnswer extends Reference {
  readonly headers?: object;
  readonly content: Readonly<Record<string, { readonly schema: Reference }>>;
}

interface DocumentOperation {
  readonly operationId: string;
  readonly security: readonly object[];
  readonly responses: Readonly<Record<string, DocumentAnswer>>;
}

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, DocumentOperation>>>>;
  readonly components: {
    readonly responses: Readonly<Record<string, DocumentAnswer>>;
    readonly schemas: Readonly<Record<string, object>>;
  };
}

interface Call {
  /** Segments and query in place of what the template says. */
  readonly path?: string;
  readonly body?: string;
  readonly fields?: string;
  readonly host?: string;
  readonly token?: string | null;
}

/** By operation: a call for each status that the document names, except those that every operation meets in one way. */
const CALLS: Readonly<Record<string, Readonly<Record<number, Call>>>> = {
  getHealth: { 200: { token: null } },
  getMetrics: { 200: {} },
  getAdminHealth: { 200: {} },
  getStatus: { 200: {} },
  getHosts: { 200: {} },
  listBackends: { 200: {} },
  getBackend: { 200: { path: "/b" }, 404: { path: "/none" }, 409: { path: "/a" } },
  ...Object.fromEntries(
    ["enable", "drain", "reset", "disable", "weight"].map((action) => {
      const id = `${action === "weight" ? "weigh" : action}Backend`;
      const body = action === "weight" ? '{"weight":3}' : undefined;
      const call = (name: string, more: Call = {}): Call => ({
        path: `/${name}/${action}`,
        ...(body === undefined ? {} : { body }),
        ...more,
      });
      return [
        id,
        {
          200: call("b"),
          400: call("b", { body: "5" }),
          404: call("none"),
          409: call("a"),
          412: call("b", { fields: 'If-Match: "x"\r\n' }),
        },
      ];
    }),
  ),
  getConfiguration: { 200: {} },
  reload: {
    200: {},
    400: { path: "?dry_run=perhaps" },
    412: { fields: 'If-Match: "x"\r\n' },
  },
  explain: {
    200: { body: '{"url":"http://a.example/x","headers":["Accept: */*"]}' },
    400: { body: '{"url":"ftp://a.example/"}' },
  },
  getOpenApi: { 200: {} },
};

/** Met in one way by all that name them. */
const COMMON: Readonly<Record<number, Call>> = {
  401: { token: null },
  403: { fields: "Origin: https://evil.example\r\n" },
  413: { fields: "Content-Type: application/json\r\nContent-Length: 100000\r\n" },
  415: { fields: "Content-Type: text/plain\r\nContent-Length: 1\r\n", body: "" },
  421: { host: "rebound.example" },
};

/** Shown by other tests: they need a program in another state, or time. */
const ELSEWHERE: Readonly<Record<string, readonly number[]>> = {
  getHealth: [503],
  reload: [422, 500],
  "": [408, 503],
};

/** Where the operations of a pool's backends differ from those by id alone. */
function callsOf(operationId: string): Readonly<Record<number, Call>> | undefined {
  const ofPool = operationId.endsWith("OfPool");
  const calls = CALLS[ofPool ? operationId.slice(0, -"OfPool".length) : operationId];
  if (!ofPool || calls === undefined) return calls;
  const withPool = Object.entries(calls).map(([status, call]) => [
    status,
    { ...call, path: call.path!.replace("/", "/web/") },
  ]);
  return Object.fromEntries(withPool) as Readonly<Record<number, Call>>;
}

class Client {
  readonly #fairlead: RunningFairlead;

  constructor(fairlead: RunningFairlead) {
    this.#fairlead = fairlead;
  }

  ask(method: string, template: string, call: Call = {}): Promise<Answer> {
    const { path: given = "", body = "", fields = "", host = "localhost", token = TOKEN } = call;
    const fixed = template.replace(/\/\{.*$/, "");
    const path = given === "" && template.includes("{") ? "/web/b" : given;
    const lines = [
      `${method.toUpperCase()} ${fixed}${path} HTTP/1.1`,
      `Host: ${host}`,
      "Connection: close",
      ...(token === null ? [] : [`Authorization: Bearer ${token}`]),
      ...(body === "" ? [] : ["Content-Type: application/json", `Content-Length: ${body.length}`]),
    ];
    const port = Number(this.#fairlead.admin.split(":")[1]);
    return askOnce(port, `${lines.join("\r\n")}\r\n${fields}\r\n${body}`);
  }
}

test(
  "the OpenAPI document: every operation is called, and each answer has a status, a type and a body that it names",
  async () => {
    await using fairlead = await runFairlead(`workers: 1
pools:
  web: { backends: [{ id: a, url: "http://127.0.0.1:9" }, { id: b, url: "http://127.0.0.1:9", zone: x }] }
  spare: { backends: [{ id: a, url: "http://127.0.0.1:9" }] }
routes: [{ pool: web }]
admin: { address: "127.0.0.1:0", token: ${TOKEN} }`);
    const client = new Client(fairlead);
    const document = JSON.parse((await client.ask("GET", "/admin/openapi.json")).body.toString()) as Document;
    expect(document.openapi).toStartWith("3.1.");
    expect(document).toEqual(
      await Bun.file(join(import.meta.dir, "../../docs/reference/openapi.json")).json(),
    );
    const schemas = validators(document);
    const known = new Set<string>();
    for (const [template, item] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(item)) {
        const { operationId, responses, security } = operation;
        known.add(operationId);
        const calls = callsOf(operationId);
        if (calls === undefined) throw new Error(`no call of ${operationId}`);
        const base = calls[200]!;
        for (const [status, named] of Object.entries(responses)) {
          const common = status === "400" ? { path: `${base.path ?? ""}?nothing=1` } : COMMON[Number(status)];
          const call = calls[Number(status)] ?? withBase(base, common);
          if (call === null) {
            const allowed = [...(ELSEWHERE[operationId] ?? []), ...ELSEWHERE[""]!];
            expect([operationId, allowed]).toEqual([operationId, expect.arrayContaining([Number(status)])]);
            continue;
          }
          const answer = await client.ask(method, template, call);
          expect([operationId, answer.status]).toEqual([operationId, Number(status)]);
          expectNamed(operationId, answer, resolved(document, named), schemas);
        }
        expect([operationId, "401" in responses]).toEqual([operationId, security.length > 0]);
      }
    }
    for (const id of Object.keys(CALLS)) expect([...known]).toContain(id);
  },
  PATIENCE,
);

function withBase(base: Call, call: Call | undefined): Call | null {
  if (call === undefined) return null;
  return {
    ...base,
    token: TOKEN,
    ...call,
    ...(call.fields?.includes("Length") === true ? { body: "" } : {}),
  };
}

function resolved({ components }: Document, answer: DocumentAnswer): DocumentAnswer {
  return answer.$ref === undefined ? answer : components.responses[answer.$ref.split("/").at(-1)!]!;
}

function expectNamed(
  operation: string,
  answer: Answer,
  named: DocumentAnswer,
  schemas: ReadonlyMap<string, z.ZodType>,
): void {
  const type = answer.get("content-type") ?? "";
  expect([operation, Object.keys(named.content)]).toEqual([operation, expect.arrayContaining([type])]);
  const schema = schemas.get(named.content[type]!.schema.$ref!);
  if (schema === undefined) throw new Error(`${operation}: no schema`);
  const text = answer.body.toString();
  const { error } = schema.safeParse(type.includes("json") ? JSON.parse(text) : text);
  expect([operation, error?.issues]).toEqual([operation, undefined]);
  expect([operation, answer.get("etag") !== null]).toEqual([
    operation,
    named.headers !== undefined || answer.status === 412,
  ]);
}

/** The schemas of the document by their references. */
function validators({ components: { schemas } }: Document): ReadonlyMap<string, z.ZodType> {
  const $defs = JSON.parse(JSON.stringify(schemas).replaceAll("#/components/schemas/", "#/$defs/")) as object;
  return new Map(
    Object.keys(schemas).map((name) => [
      `#/components/schemas/${name}`,
      z.fromJSONSchema({ $ref: `#/$defs/${name}`, $defs } as never),
    ]),
  );
}

test("the validator of these tests refuses what the document does not name", () => {
  const components = {
    responses: {},
    schemas: {
      A: {
        type: "object",
        additionalProperties: false,
        required: ["b"],
        properties: { b: { $ref: "#/components/schemas/B" } },
      },
      B: { type: "integer" },
    },
  };
  const schema = validators({ openapi: "3.1.0", paths: {}, components }).get("#/components/schemas/A")!;
  expect([{ b: 1 }, { b: "1" }, {}, { b: 1, c: 2 }].map((value) => schema.safeParse(value).success)).toEqual([
    true,
    false,
    false,
    false,
  ]);
});
