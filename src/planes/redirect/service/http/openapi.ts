/** The OpenAPI 3.1 document of the management service, made of its endpoints. */
import { VERSION } from "../../../../core/version.ts";
import { REASON_PHRASES } from "../../../../core/reason_phrases.ts";
import { SERVICE_PREFIXES } from "../prefixes.ts";
import { type BodyForm, type Endpoint, KNOWN } from "./endpoint.ts";

type Json = Readonly<Record<string, unknown>>;

const ABOUT = `Rules of the redirector: what is saved is pending until somebody else approves it. Paths stand below
\`${SERVICE_PREFIXES[0]}\` and, for clients of the original, below \`${SERVICE_PREFIXES[1]}\`; a slash at the end of a path makes no
difference. Documents are JSON or XML, as \`Content-Type\` and \`Accept\` say. Refusals are text; the field \`X-Fairlead-Code\` has
the code of the check that refused.`;

export function serviceOpenApi(endpoints: readonly Endpoint[]): Json {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const endpoint of endpoints)
    (paths[endpoint.path] ??= {})[endpoint.method.toLowerCase()] = operationOf(endpoint);
  return {
    openapi: "3.1.0",
    info: {
      title: "Fairlead redirect service",
      version: VERSION,
      description: ABOUT,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: SERVICE_PREFIXES.map((prefix) => ({ url: prefix.slice(0, -1) })),
    paths,
    components: {
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "A token of the configuration, or of OIDC." },
      },
    },
  };
}

function operationOf(endpoint: Endpoint): Json {
  const { id, summary, permission, takes, gives, status = 200 } = endpoint;
  const parameters = [...pathParameters(endpoint), ...queryParameters(endpoint)];
  return {
    operationId: id,
    summary,
    description: permissionText(endpoint),
    security: permission === null ? [] : [{ token: [] }],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(takes === undefined ? {} : { requestBody: { required: true, ...contentOf(takes) } }),
    responses: {
      [status]: { description: gives.description, ...contentOf(gives) },
      ...refusalsOf(endpoint),
    },
  };
}

function permissionText({ permission, method, mode }: Endpoint): string {
  if (permission === null) return "Needs no credentials.";
  if (permission === KNOWN) return "For whoever is known.";
  return `Needs \`${mode ?? (method === "GET" ? "read" : "write")}-${permission}\`.`;
}

function refusalsOf({ permission, takes, path }: Endpoint): Json {
  const statuses = new Set<number>([503]);
  if (permission !== null) for (const status of [401, 403]) statuses.add(status);
  if (takes !== undefined) for (const status of [400, 409, 413, 415]) statuses.add(status);
  if (path.includes("{")) statuses.add(404);
  const refusal = { content: { "text/plain": { schema: { type: "string" } } } };
  const entries = [...statuses].map((status) => [
    status,
    { description: REASON_PHRASES[status] ?? "", ...refusal },
  ]);
  return Object.fromEntries(entries) as Json;
}

function pathParameters({ path }: Endpoint): Json[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
}

function queryParameters({ query = {} }: Endpoint): Json[] {
  return Object.entries(query).map(([name, description]) => ({
    name,
    in: "query",
    description,
    schema: { type: "string" },
  }));
}

function contentOf({ description, types }: BodyForm): Json {
  const schemaOf = (type: string): Json => {
    if (type === "application/json") return { description };
    if (type === "application/zip") return { type: "string", format: "binary" };
    return { type: "string" };
  };
  return { content: Object.fromEntries(types.map((type) => [type, { schema: schemaOf(type) }])) };
}
