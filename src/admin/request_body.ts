/** Bodies and queries of requests, as their schemas want them. Each failure is AdminError with one sentence. */
import { z } from "zod";
import { AdminError } from "./problem.ts";

/** Longer bodies are refused. */
export const MAX_BODY_BYTES = 64 * 1024;

const EMPTY = z.strictObject({});

/** Throws AdminError with 415 unless `type` is JSON; `hasBody` false = there is nothing to be of a type. */
export function expectJson(type: string | null, hasBody: boolean): void {
  if (!hasBody || (type !== null && /^application\/json *(?:;|$)/i.test(type))) return;
  throw new AdminError(
    415,
    "expected a body with Content-Type: application/json",
    {},
    "Accept: application/json\r\n",
  );
}

/** The body by its schema; without one an empty body and `{}` are taken. */
export function readBody(bytes: Uint8Array, schema: z.ZodType = EMPTY): unknown {
  if (bytes.length > MAX_BODY_BYTES)
    throw new AdminError(413, `expected a body of at most ${MAX_BODY_BYTES} bytes`);
  if (bytes.length === 0 && schema === EMPTY) return {};
  if (bytes.length === 0) throw new AdminError(400, "expected a body in JSON");
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new AdminError(400, "the body is not JSON");
  }
  return checked(schema, value, "body");
}

/** The query of a target by its schema. */
export function readQuery(target: string, schema: z.ZodObject = EMPTY): unknown {
  const mark = target.indexOf("?");
  const values: Record<string, string> = {};
  if (mark >= 0)
    for (const [key, value] of new URLSearchParams(target.slice(mark + 1))) {
      if (Object.hasOwn(values, key))
        throw new AdminError(400, `query: ${JSON.stringify(key)} stands there twice`);
      values[key] = value;
    }
  return checked(schema, values, "query");
}

function checked(schema: z.ZodType, value: unknown, what: string): unknown {
  const { data, error } = schema.safeParse(value);
  if (error === undefined) return data;
  const problems = error.issues.map(({ path, message }) =>
    [[what, ...path.map(String)].join("."), message].join(": "),
  );
  throw new AdminError(400, problems.join("; "));
}
