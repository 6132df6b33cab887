/**
 * What one operation of the admin API is: where it stands, what it takes, what it answers, and the code that does it. The
 * document at `/admin/openapi.json` is made of nothing else, so it cannot say otherwise than the code.
 */
import type { z } from "zod";
import type { AdminRequest } from "./request.ts";
import type { AdminServices } from "./services.ts";

/** A body in JSON, or text of another type. */
export type Answer =
  | {
      readonly status: number;
      readonly body: unknown;
      /** The answer shows a resource: it gets an ETag, which changes with what it shows. */
      readonly isResource?: true;
    }
  | { readonly status: number; readonly type: string; readonly text: string };

export interface AnswerKind {
  readonly description: string;
  /** Content types; JSON where none is given. */
  readonly types?: readonly string[];
  readonly schema: z.ZodType;
  readonly isResource?: true;
}

export interface OperationDefinition<Query extends z.ZodObject, Body extends z.ZodType> {
  /** Name in the document, unique: `listBackends`. */
  readonly id: string;
  readonly method: "GET" | "POST";
  /** Templates such as `/admin/backends/{id}`; a name in braces stands for one segment. */
  readonly paths: readonly string[];
  readonly summary: string;
  readonly description?: string;
  /** Never needs a token. */
  readonly isOpen?: true;
  /** What stands in the query is not looked at. */
  readonly ignoresQuery?: true;
  readonly query?: Query;
  /** Without it a body may be left out or an empty object. */
  readonly body?: Body;
  /** It answers 412 where the state is another one than `If-Match` names. */
  readonly takesIfMatch?: true;
  readonly answers: Readonly<Record<number, AnswerKind>>;
  /** Statuses of its own problems; those that every request can meet are known. */
  readonly problems?: readonly number[];
  /** Those of one of its paths alone. */
  readonly problemsAt?: Readonly<Record<string, readonly number[]>>;
  /** Throws AdminError for what cannot be done. */
  handle(
    request: AdminRequest<z.output<Query>, z.output<Body>>,
    services: AdminServices,
  ): Answer | Promise<Answer>;
}

/** An operation whose types have been forgotten. */
export interface Operation extends Omit<OperationDefinition<z.ZodObject, z.ZodType>, "handle"> {
  handle(request: AdminRequest, services: AdminServices): Answer | Promise<Answer>;
}

export function operation<Query extends z.ZodObject, Body extends z.ZodType>(
  definition: OperationDefinition<Query, Body>,
): Operation {
  // The handler parses query and body by the definition's own schemas before it calls.
  return definition as unknown as Operation;
}

/** Statuses of the problems that `operation` may answer with at `path`. */
export function problemStatuses(operation: Operation, path: string): number[] {
  const { isOpen, ignoresQuery, method, takesIfMatch, problems = [], problemsAt = {} } = operation;
  const statuses = new Set([...problems, ...(problemsAt[path] ?? []), 421]);
  if (isOpen !== true) statuses.add(401);
  if (ignoresQuery !== true) statuses.add(400);
  if (method === "POST") for (const status of [403, 408, 413, 415]) statuses.add(status);
  if (takesIfMatch === true) statuses.add(412);
  return [...statuses].toSorted((a, b) => a - b);
}
