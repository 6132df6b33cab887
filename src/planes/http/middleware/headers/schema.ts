import { z } from "zod";
import { fieldName, fieldValue, lowerFieldName } from "../../../../core/schema/field.ts";
import { secret } from "../../../../core/schema/secret.ts";
import { parsedText } from "../../../../core/schema/text.ts";
import { problemOf } from "../checked_text.ts";
import type { MiddlewarePart } from "../contract.ts";
import { Template } from "./template.ts";

/** Fields that delimit messages and belong to one connection (RFC 9110 7.6.1). */
const FRAMING = [
  "connection",
  "content-length",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];
/** Fields of requests that are written behind all steps. */
const WRITTEN_BY_US = [
  "forwarded",
  "via",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-proto",
  "x-request-id",
];

/** Why a field cannot be changed, or null. */
function refusal(name: string, isRequest: boolean): string | null {
  if (FRAMING.includes(name))
    return "belongs to the connection and not to the message; expected another field";
  if (!isRequest) return null;
  if (name === "expect") return "is answered here; expected another field";
  if (name === "host") return "is chosen by the pool; expected another field, or `host_header` in the pool";
  if (WRITTEN_BY_US.includes(name))
    return "says where a request came from; expected another field, or `trusted_proxies` in the listener";
  return null;
}

function checkNames(
  names: readonly string[],
  isRequest: boolean,
  context: z.RefinementCtx,
  path: (name: string, index: number) => (string | number)[],
): void {
  for (const [index, name] of names.entries()) {
    const lower = name.toLowerCase();
    const reason = refusal(lower, isRequest);
    const isRepeated = names.findIndex((other) => other.toLowerCase() === lower) < index;
    const message = reason ?? (isRepeated ? "is named twice; expected each field once" : null);
    if (message !== null) context.addIssue({ code: "custom", path: path(name, index), message });
  }
}

const checkTemplate = (text: string, context: z.RefinementCtx): void => {
  const message = problemOf(() => new Template(text));
  if (message !== null) context.addIssue({ code: "custom", message });
};

const LATIN1 = /^[\t\x20-\x7e\x80-\xff]*$/;

/** What goes to a backend may be a secret, such as a key. */
const requestValue = (): z.ZodType<string> =>
  secret()
    .refine((text) => LATIN1.test(text), {
      error: "a field value holds no line break, no control character and nothing beyond latin1",
    })
    .superRefine(checkTemplate)
    .meta({ secret: true, type_name: "secret" });

const responseValue = (): z.ZodType<string> =>
  fieldValue().superRefine(checkTemplate).meta({ type_name: "field value" });

function fieldOptions(isRequest: boolean, value: () => z.ZodType<string>) {
  const where = isRequest ? "the request" : "the answer";
  return z
    .strictObject({
      set: z
        .record(fieldName(), value())
        .prefault({})
        .meta({
          description: `Fields of ${where} that get exactly this value; an empty one removes the field. Placeholders such as \`{client_address}\` are filled in.`,
        }),
      add: z
        .record(fieldName(), value())
        .prefault({})
        .meta({
          description: `Fields that are added to those that ${where} has.`,
        }),
      remove: z
        .array(lowerFieldName())
        .prefault([])
        .meta({ description: `Fields that ${where} loses.` }),
    })
    .superRefine(({ set, add, remove }, context) => {
      checkNames(Object.keys(set), isRequest, context, (name) => ["set", name]);
      checkNames(Object.keys(add), isRequest, context, (name) => ["add", name]);
      checkNames(remove, isRequest, context, (_, index) => ["remove", index]);
    });
}

const policy = (description: string) => fieldValue().optional().meta({ description });

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };
const MAX_AGE = /^(\d{1,10})([smhd])$/;

/** Longer than any timer: its value is in seconds. */
const maxAge = () =>
  parsedText({
    name: "duration",
    expected: "a duration in whole seconds such as 365d or 1h",
    pattern: MAX_AGE,
    parse: (text) => {
      const match = MAX_AGE.exec(text);
      return match === null ? null : Number(match[1]) * UNIT_SECONDS[match[2]!]!;
    },
  });

const hsts = z.strictObject({
  max_age: maxAge().prefault("365d").meta({ description: "How long clients remember to use TLS alone." }),
  include_subdomains: z.boolean().prefault(false).meta({ description: "Subdomains too." }),
  preload: z.boolean().prefault(false).meta({ description: "The site may be built into browsers." }),
  always: z.boolean().prefault(false).meta({
    description: "Send it over plain HTTP too, where another proxy in front ends TLS.",
  }),
});

const security = z.strictObject({
  hsts: hsts.optional().meta({ description: "`Strict-Transport-Security`, on TLS alone." }),
  frame_options: z.enum(["DENY", "SAMEORIGIN"]).optional().meta({ description: "`X-Frame-Options`." }),
  content_type_nosniff: z
    .boolean()
    .prefault(false)
    .meta({ description: "`X-Content-Type-Options: nosniff`." }),
  content_security_policy: policy("`Content-Security-Policy`."),
  content_security_policy_report_only: policy("`Content-Security-Policy-Report-Only`."),
  referrer_policy: policy("`Referrer-Policy`."),
  permissions_policy: policy("`Permissions-Policy`."),
  override: z.boolean().prefault(true).meta({
    description: "Replace what the backend sends; `false` = only what it does not send.",
  }),
});

export type SecurityOptions = z.output<typeof security>;

const request = fieldOptions(true, requestValue);
export type FieldOptions = z.output<typeof request>;

const schema = z.strictObject({
  request: request.prefault({}).meta({ description: "What changes on the way to the backend." }),
  response: fieldOptions(false, responseValue)
    .prefault({})
    .meta({ description: "What changes on the way to the client." }),
  security: security.prefault({}).meta({ description: "Fields that protect the visitors of a site." }),
});

export type HeadersOptions = z.output<typeof schema>;

export const headersPart: MiddlewarePart<HeadersOptions> = {
  name: "headers",
  summary: "Sets, adds and removes fields of requests and answers.",
  schema,
};
