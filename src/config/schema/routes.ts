/** `routes:` which requests go where, through what. */
import { z } from "zod";
import { ENCODED_CHARACTERS } from "../../core/schema/encoded_characters.ts";
import { fieldValue, isToken, statusCode } from "../../core/schema/field.ts";
import { parsedText } from "../../core/schema/text.ts";
import { exactlyOne, type MiddlewareSchemas, type MiddlewareUse } from "./middlewares.ts";

const MAX_ROUTE_NAME = 256;

const respond = z.strictObject({
  status: statusCode().prefault(200).meta({ description: "Status of the answer." }),
  body: z.string().prefault("").meta({ description: "Body of the answer." }),
  content_type: fieldValue().prefault("text/plain; charset=utf-8").meta({ description: "Its Content-Type." }),
});

const upgradeToken = (): z.ZodType<string, string> =>
  parsedText({
    name: "protocol",
    expected: "an upgrade protocol such as websocket",
    parse: (text) => (isToken(text) ? text.toLowerCase() : null),
  });

export interface RouteConfig {
  readonly name?: string | undefined;
  readonly match: string;
  readonly priority: number;
  readonly listeners: readonly string[];
  readonly pool?: string | undefined;
  readonly respond?: "ready" | z.output<typeof respond> | undefined;
  readonly middlewares: readonly MiddlewareUse[];
  readonly upgrades: readonly string[];
  readonly encoded_characters: { readonly deny: readonly string[] };
}

export function routeSchema(middlewares: MiddlewareSchemas): z.ZodType<RouteConfig> {
  const oneTarget = exactlyOne("pool and respond");
  const schema = z
    .strictObject({
      name: z.string().min(1).max(MAX_ROUTE_NAME).optional().meta({
        description: "Its name in logs, metrics and the state that outlives a reload. Default: the rule.",
      }),
      match: z.string().prefault("").meta({
        description: "Rule such as ``Host(`a.example`) && PathPrefix(`/v1`)``; none = the default route.",
      }),
      priority: z
        .int()
        .min(0)
        .max(2 ** 31 - 1)
        .prefault(0)
        .meta({ description: "Higher goes first; 0 = the length of the rule." }),
      listeners: z
        .array(z.string())
        .prefault([])
        .meta({ description: "Names of listeners; none = all that speak http." }),
      pool: z.string().optional().meta({ description: "The pool that serves." }),
      respond: z
        .union([z.literal("ready"), respond])
        .optional()
        .meta({ description: "Answer without a pool; `ready` answers 200, and 503 while draining." }),
      middlewares: middlewares.uses
        .prefault([])
        .meta({ description: "Names, or middlewares written in place." }),
      upgrades: z
        .array(upgradeToken())
        .prefault(["websocket"])
        .meta({ description: "Protocols that an Upgrade may switch to." }),
      encoded_characters: z
        .strictObject({
          deny: z
            .array(z.enum(ENCODED_CHARACTERS))
            .prefault([])
            .meta({ description: `Answer 400 to paths with: ${ENCODED_CHARACTERS.join(", ")}.` }),
        })
        .prefault({})
        .meta({ description: "What is refused in paths; the rest is forwarded as it came." }),
    })
    .superRefine((value, context) => {
      oneTarget({ pool: value.pool, respond: value.respond }, context);
    });
  return schema as unknown as z.ZodType<RouteConfig>;
}
