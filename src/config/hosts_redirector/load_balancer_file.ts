/** A load balancer of the original hosts redirector: one file in `lb_configs`. */
import { z } from "zod";
import { MAX_WEIGHT } from "../../core/model.ts";
import { fieldName, fieldValue } from "../../core/schema/field.ts";
import { inputFile } from "../../core/schema/file_name.ts";
import { isIp } from "../../core/schema/ip.ts";
import { share } from "../../core/schema/share.ts";
import { parsedText } from "../../core/schema/text.ts";
import { MAX_ALIASES, MAX_ENTRIES } from "../schema/hosts.ts";
import { zone } from "../schema/zone.ts";
import { backendHost, ownedName, port, seconds, secondsOrDuration, wholeNumber } from "./kinds.ts";
import { whatwgLabel } from "./python_codecs.ts";
import { goRegexOf, orProblem, statusesOf } from "./python_regex.ts";
import { LinearRegex } from "../../core/rules/linear_regex.ts";

const DEFAULT_TIMEOUT_S = 10;
const MAX_TARGET = 2_048;
/** Fields that the check sets itself. */
const OWN_FIELDS: ReadonlySet<string> = new Set(["connection", "content-length", "transfer-encoding"]);

/** Text whose meaning `read` finds; what is wrong it says in words. */
function regexSetting<Value>(read: (pattern: string) => { value: Value } | { problem: string }) {
  return z
    .string({ error: "expected a regex" })
    .transform((pattern, context) => {
      const result = read(pattern);
      if ("value" in result) return result.value;
      context.issues.push({ code: "custom", message: result.problem, input: pattern });
      return z.NEVER;
    })
    .meta({ type_name: "regex" });
}

/** The statuses that a regex finds, as text. YAML reads a single status without quotes as a number. */
function statusRegex(): z.ZodType<string, string | number> {
  const text = regexSetting((pattern) => {
    const found = orProblem(() => statusesOf(pattern));
    return "value" in found && found.value === ""
      ? { problem: `${JSON.stringify(pattern)} is found in no status from 100 to 599` }
      : found;
  });
  return z.preprocess<unknown, typeof text, string | number>(
    (value) => (typeof value === "number" ? String(value) : value),
    text,
  );
}

/** A regex in the engine's syntax. */
function bodyRegex() {
  return regexSetting((pattern) => orProblem(() => new LinearRegex(goRegexOf(pattern)).pattern));
}

function encoding(): z.ZodType<string, string> {
  return parsedText({
    name: "known encoding",
    expected: "the name of one of Python's codecs, such as utf-8, latin-1 or cp1252",
    parse: whatwgLabel,
  });
}

const secretValue = () => fieldValue().meta({ secret: true });
/** Several values become one text, in which no secret could be found any more. */
const listedValue = () =>
  fieldValue().refine((text) => !text.includes("${") && !text.startsWith("file:"), {
    error: "expected plain text in a list; what is read from elsewhere stands alone",
  });
const headers = z
  .record(
    fieldName(),
    z.union([secretValue(), z.array(listedValue()).min(1)], { error: "expected text or a list of texts" }),
  )
  .superRefine((fields, context) => {
    for (const [name, value] of Object.entries(fields)) {
      const lower = name.toLowerCase();
      if (OWN_FIELDS.has(lower))
        context.addIssue({ code: "custom", message: "is set by the check itself", path: [name] });
      if (lower === "host" && !(typeof value === "string" && /^[!-~]+$/.test(value)))
        context.addIssue({ code: "custom", message: "expected a host with an optional port", path: [name] });
    }
  });

const tcpConfig = z.strictObject({ port: port(), timeout: seconds().prefault(DEFAULT_TIMEOUT_S) });

const httpConfig = z
  .strictObject({
    method: z.enum(["HEAD", "GET", "OPTIONS", "POST"]).prefault("GET"),
    headers: headers.nullish(),
    scheme: z.enum(["http", "https"]).prefault("http"),
    port: port(),
    path: z.string(),
    query: z.string().nullish(),
    timeout: seconds().prefault(DEFAULT_TIMEOUT_S),
    cacerts: inputFile().nullish(),
    expected_status: statusRegex().prefault("200"),
    expected_response: bodyRegex().nullish(),
    expected_response_encoding: encoding().prefault("utf-8"),
  })
  .superRefine(({ path, query }, context) => {
    if (targetOf(path, query).length > MAX_TARGET)
      context.addIssue({
        code: "custom",
        message: `expected at most ${MAX_TARGET} characters with the query`,
        path: ["path"],
      });
  });

export type HttpConfig = z.output<typeof httpConfig>;

/** The target of a request: what may not stand in one is percent-encoded, and what is encoded stays as it is. */
export function targetOf(path: string, query: string | null | undefined): string {
  const whole = (path.startsWith("/") ? path : `/${path}`) + (query == null ? "" : `?${query}`);
  return whole.replaceAll(/[^!"$-~]+/g, (text) => encodeURIComponent(text.toWellFormed()));
}

const weight = () => wholeNumber(0, MAX_WEIGHT, `a weight from 0 to ${MAX_WEIGHT}`);

const backend = z
  .union([
    backendHost(),
    z.strictObject({ host: backendHost(), weight: weight().optional(), zone: zone().optional() }),
  ])
  .transform((given) => (typeof given === "string" ? { host: given } : given));

const address = () =>
  parsedText({
    name: "IP address",
    expected: "an IPv4 or IPv6 address",
    parse: (text) => (isIp(text) && !text.includes("%") ? text : null),
  });

export const loadBalancerFile = z.strictObject({
  name: z.string().min(1),
  local_host: ownedName(),
  backend_hosts: z.array(backend).min(1),
  strategy: z.enum(["sequential", "random", "round_robin_per_host", "rendezvous"]),
  healthcheck: z.discriminatedUnion("type", [
    z.strictObject({ type: z.literal("tcp"), period: seconds(), config: tcpConfig }),
    z.strictObject({ type: z.literal("http"), period: seconds(), config: httpConfig }),
  ]),
  // What the original does not have.
  rise: wholeNumber(1, 2 ** 31 - 1, "a number of at least 1").prefault(1),
  fall: wholeNumber(1, 2 ** 31 - 1, "a number of at least 1").prefault(1),
  jitter: share().prefault(0),
  failback: z
    .union([z.enum(["never", "immediate"]), z.strictObject({ after: secondsOrDuration() })])
    .prefault("never"),
  on_all_down: z
    .union([z.enum(["keep", "remove"]), z.strictObject({ last_resort: address() })])
    .prefault("keep"),
  family: z.enum(["ipv4", "ipv6", "both"]).prefault("ipv4"),
  aliases: z.array(ownedName()).max(MAX_ALIASES).prefault([]),
  max_entries: wholeNumber(1, MAX_ENTRIES, `a number from 1 to ${MAX_ENTRIES}`).prefault(1),
});

export type LoadBalancerFile = z.output<typeof loadBalancerFile>;
