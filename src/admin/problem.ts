/** What the admin API answers when it cannot do what was asked: problem details (RFC 9457), one shape for all. */
import { z } from "zod";
import { REASON_PHRASES } from "../core/reason_phrases.ts";
import { named } from "./named_schemas.ts";

export const PROBLEM_TYPE = "application/problem+json";

export const problem = named(
  "Problem",
  z
    .strictObject({
      title: z.string().meta({ description: "The status in words." }),
      status: z.int(),
      detail: z.string().meta({ description: "One sentence: what is wrong, and what was expected." }),
      code: z.string().optional().meta({ description: "Of the error table, for what HTTP itself refuses." }),
      matches: z
        .array(z.string())
        .optional()
        .meta({ description: "Full names of the backends that an ambiguous id stands for (409)." }),
      problems: z
        .array(z.string())
        .optional()
        .meta({ description: "What is wrong with the configuration, one line each, with its place (422)." }),
      generation: z.int().optional().meta({ description: "Of the configuration that acts (412, 422)." }),
      etag: z.string().optional().meta({ description: "Of the state that If-Match did not meet (412)." }),
      current: z.unknown().optional().meta({ description: "The state that If-Match did not meet (412)." }),
    })
    .meta({ description: "Why a request was refused (RFC 9457). Nothing has changed." }),
);

type Extensions = Omit<z.output<typeof problem>, "title" | "status" | "detail">;

/** Ends a request; the message is the sentence that its sender gets. */
export class AdminError extends Error {
  readonly status: number;
  readonly extensions: Extensions;
  /** Lines of the head, each with its end. */
  readonly fields: string;

  constructor(status: number, message: string, extensions: Extensions = {}, fields = "") {
    super(message);
    this.name = "AdminError";
    this.status = status;
    this.extensions = extensions;
    this.fields = fields;
  }

  get body(): z.output<typeof problem> {
    const { status, message } = this;
    return { title: REASON_PHRASES[status] ?? "", status, detail: message, ...this.extensions };
  }
}
