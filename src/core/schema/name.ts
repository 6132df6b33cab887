import { z } from "zod";

const NAME = /^[A-Za-z0-9][A-Za-z0-9._@:[\]/-]*$/;

/** The name of a listener, pool, middleware or backend: it can stand in a metric label, a path and a command. */
export function name(): z.ZodString {
  const error =
    "a name starts with a letter or digit, goes on with letters, digits and . _ - : @ / [ ], and has at most 128 characters";
  return z.string({ error }).max(128, { error }).regex(NAME, { error }).meta({ type_name: "name" });
}
