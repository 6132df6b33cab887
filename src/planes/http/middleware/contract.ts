/**
 * What a middleware is. It has two halves in two files, because a worker must not load the schema library (it takes
 * more memory than all steps together): `schema.ts` is loaded where configurations are read, `step.ts` in workers.
 * The lists are `all_parts.ts` and `all.ts`.
 */
import type { z } from "zod";
import type { Step, StepContext } from "../../../net/exchange.ts";

/** What the configuration knows of a middleware. */
export interface MiddlewarePart<Options = unknown> {
  /** The word in the configuration. */
  readonly name: string;
  /** One sentence for the reference page. */
  readonly summary: string;
  /** A strict object whose output is plain JSON. Everything that can be wrong without a file is refused here. */
  readonly schema: z.ZodType<Options>;
  /**
   * Looks into the files that `options` name; the options may be malformed in any way. `textOf` knows files by absolute
   * name and returns null for those that cannot be read.
   */
  readonly checkFiles?: (options: unknown, textOf: (file: string) => string | null) => readonly FileFinding[];
}

/** What stands in a file that an option names. */
export interface FileFinding {
  readonly option: string;
  readonly severity: "error" | "warning";
  /** One sentence that begins with file and line. */
  readonly message: string;
}

/** What a worker runs of it. */
export interface Middleware<Options = unknown> {
  readonly name: string;
  /**
   * Prepares the step of one route, once per plan: whatever can be worked out before the first request belongs here.
   * On the way of a request there is no promise, closure, Map or timer. Throws an Error for the operator when a file
   * that an option names cannot be used.
   */
  create(options: Options, context: StepContext): Step;
}
