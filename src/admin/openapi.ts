/** The OpenAPI 3.1 document, made of the operations. */
import { z } from "zod";
import { VERSION } from "../core/version.ts";
import { REASON_PHRASES } from "../core/reason_phrases.ts";
import { nameOfSchema, NAMED_SCHEMAS } from "./named_schemas.ts";
import { problemStatuses, type AnswerKind, type Operation } from "./operation.ts";
import { problem, PROBLEM_TYPE } from "./problem.ts";

type Json = Readonly<Record<string, unknown>>;

const ABOUT = `What Fairlead shows and takes at its admin address. Where \`admin.token\` is set, every request but \`/health\` carries it.
HEAD is answered wherever GET is. Requests that change something are refused when they come from a page of another site, and
their body is JSON. Whatever is refused changes nothing.`;

/** The document for `operations`. */
export function openApi(operations: readonly Operation[]): Json {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of operations)
    for (const [index, path] of operation.paths.entries())
      (paths[path] ??= {})[operation.method.toLowerCase()] = describe(operation, path, index);
  return {
    openapi: "3.1.0",
    info: {
      title: "Fairlead admin API",
      version: VERSION,
      description: ABOUT,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "http://127.0.0.1:9900" }],
    paths,
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer", description: "`admin.token`" } },
      responses: problems(operations),
      schemas: schemas(),
    },
  };
}

/** In alphabetical order: which module was loaded first does not matter. */
function schemas(): Json {
  const { schemas: found } = z.toJSONSchema(NAMED_SCHEMAS, { uri: reference, override: withoutSafeRange });
  return Object.fromEntries(Object.entries(found).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** That a whole number can be held exactly need not be said. */
function withoutSafeRange({ jsonSchema }: { jsonSchema: { minimum?: number; maximum?: number } }): void {
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
}

function problems(operations: readonly Operation[]): Json {
  const statuses = new Set(
    operations.flatMap((operation) => operation.paths.flatMap((path) => problemStatuses(operation, path))),
  );
  const content = { [PROBLEM_TYPE]: { schema: refer(problem) } };
  return Object.fromEntries(
    [...statuses].map((status) => [
      `Problem${status}`,
      { description: REASON_PHRASES[status] ?? "", content },
    ]),
  );
}

const reference = (name: string): string => `#/components/schemas/${name}`;

/** `index`: which of its paths; the first one has its name, another one a name of its own. */
function describe(operation: Operation, path: string, index: number): Json {
  const { id, summary, description, isOpen, body } = operation;
  const parameters = [...pathParameters(path), ...queryParameters(operation), ...ifMatch(operation)];
  return {
    operationId: index === 0 ? id : `${id}OfPool`,
    summary,
    ...(description === undefined ? {} : { description }),
    security: isOpen === true ? [] : [{}, { token: [] }],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { "application/json": { schema: refer(body) } } } }),
    responses: answers(operation, path),
  };
}

function pathParameters(path: string): Json[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
}

function queryParameters({ query }: Operation): Json[] {
  if (query === undefined) return [];
  const { properties = {} } = z.toJSONSchema(query, { io: "input" });
  return Object.entries(properties).map(([name, schema]) => {
    const { description, ...rest } = schema as Json;
    return { name, in: "query", description, schema: rest };
  });
}

function ifMatch({ takesIfMatch }: Operation): Json[] {
  if (takesIfMatch !== true) return [];
  const description = "ETags of the state that the change is meant for: 412 where it is another one by now.";
  return [{ name: "If-Match", in: "header", description, schema: { type: "string" } }];
}

function answers(operation: Operation, path: string): Json {
  const found: Record<string, unknown> = {};
  for (const [status, kind] of Object.entries(operation.answers)) found[status] = answer(kind);
  for (const status of problemStatuses(operation, path))
    found[status] = { $ref: `#/components/responses/Problem${status}` };
  return found;
}

function answer({ description, types = ["application/json"], schema, isResource }: AnswerKind): Json {
  const etag = { description: "Changes with what is shown.", schema: { type: "string" } };
  return {
    description,
    ...(isResource === true ? { headers: { ETag: etag } } : {}),
    content: Object.fromEntries(types.map((type) => [type, { schema: refer(schema) }])),
  };
}

/** Throws Error for a body that has no name: in the document each has one. */
function refer(schema: z.ZodType): Json {
  const name = nameOfSchema(schema);
  if (name === null) throw new Error("a body of the admin API has no name");
  return { $ref: reference(name) };
}
