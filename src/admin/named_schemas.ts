/** Schemas of bodies by the name that they have in the OpenAPI document. */
import { z } from "zod";

export const NAMED_SCHEMAS = z.registry<{ id: string }>();

/** Gives `schema` a name of its own in the document. Throws where another one has it. */
export function named<Schema extends z.ZodType>(id: string, schema: Schema): Schema {
  NAMED_SCHEMAS.add(schema, { id });
  return schema;
}

/** The name of a schema, or null where it has none. */
export function nameOfSchema(schema: z.ZodType): string | null {
  return NAMED_SCHEMAS.get(schema)?.id ?? null;
}
