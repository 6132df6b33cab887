/** `middlewares:` written in place or named, and groups of them. */
import { z } from "zod";
import type { ConfigParts } from "../parts.ts";
import { ONE_KEY_MISSING } from "../issues.ts";

/** One middleware: a map with exactly one key, its kind. */
export type MiddlewareEntry = Readonly<Record<string, unknown>>;
/** What a list of middlewares holds: names, or middlewares written in place. */
export type MiddlewareUse = string | MiddlewareEntry;

/** Fails unless exactly one key is given; `words` completes "expected exactly one of …". */
export function exactlyOne(words: string): (value: object, context: z.RefinementCtx) => void {
  return (value, context) => {
    const given = Object.values(value).filter((item) => item !== undefined).length;
    if (given === 1) return;
    context.addIssue({
      code: "custom",
      message: given === 0 ? `expected one of ${words}` : `expected exactly one of ${words}, got ${given}`,
      ...(given === 0 ? { params: { kind: ONE_KEY_MISSING } } : {}),
    });
  };
}

export interface MiddlewareSchemas {
  /** A value under `middlewares:`. */
  readonly named: z.ZodType<MiddlewareEntry | readonly MiddlewareUse[]>;
  /** A list of middlewares in a route. */
  readonly uses: z.ZodType<readonly MiddlewareUse[]>;
}

export function middlewareSchemas(parts: ConfigParts): MiddlewareSchemas {
  const shape = Object.fromEntries(
    parts.middlewares.map(({ name, schema, summary }) => [
      name,
      schema.optional().meta({ description: schema.meta()?.description ?? summary }),
    ]),
  );
  const entry = z
    .strictObject(shape)
    .superRefine(exactlyOne("the middlewares, as in `{ headers: { … } }`"))
    .meta({ id: "middleware", description: "One middleware: its kind and options." });
  const uses = z.array(z.union([z.string().meta({ description: "The name of a middleware." }), entry]));
  return {
    named: z.union([entry, uses.meta({ description: "A group: middlewares in their order." })]),
    uses,
  } as unknown as MiddlewareSchemas;
}
