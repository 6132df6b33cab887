import { z } from "zod";
import { pathProblem } from "./paths.ts";

/** The setting `base` of every store. */
export function baseOption() {
  return z
    .string({ error: "expected a path such as /test, or nothing" })
    .refine((text) => text === "" || pathProblem(text) === null, {
      error: "expected a path such as /test, or nothing",
    })
    .prefault("")
    .meta({ description: "Path below which everything is kept, so that environments can share a store." });
}
