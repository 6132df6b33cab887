import { z } from "zod";
import type { MiddlewarePart } from "../contract.ts";

const PORT = "expected a port from 1 to 65535";

const schema = z.strictObject({
  scheme: z
    .enum(["https", "http"])
    .prefault("https")
    .meta({ description: "The scheme that clients are sent to." }),
  port: z
    .int({ error: PORT })
    .min(1, { error: PORT })
    .max(65_535, { error: PORT })
    .optional()
    .meta({ description: "The port that clients are sent to; without it the scheme's own." }),
  permanent: z.boolean().prefault(false).meta({
    description: "Clients may remember it: 301 and 308 instead of 302 and 307.",
  }),
});

export type RedirectSchemeOptions = z.output<typeof schema>;

export const redirectSchemePart: MiddlewarePart<RedirectSchemeOptions> = {
  name: "redirect_scheme",
  summary: "Sends requests that came by another scheme to the same URL with this one.",
  schema,
};
