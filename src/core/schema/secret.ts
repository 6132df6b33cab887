import { z } from "zod";

/**
 * Text that no log, dump and error shows. In the configuration it stands as itself, as `${NAME}` (environment) or as
 * `file:PATH`; the value that a schema parses is the resolved one. Errors of checks behind it must not quote it.
 */
export function secret(): z.ZodString {
  return z
    .string({ error: "expected a secret: text, ${NAME} or file:PATH" })
    .meta({ secret: true, type_name: "secret" });
}
