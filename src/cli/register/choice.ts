/** What `fairlead register` registers, and how it is checked, as its arguments say. */
import { DEFAULT_PROBE } from "../../core/defaults.ts";
import { parseDuration } from "../../core/schema/duration.ts";
import { isHostName, parseHostPort } from "../../core/schema/host.ts";
import { parseIpv4, parseIpv6 } from "../../core/schema/ip.ts";
import { DEFAULT_PAYLOAD_CLASS, type RegisteredHost } from "../../planes/redirect/discovery/registration.ts";
import { STORE_OPTIONS, storeChoiceProblem, type StoreValues } from "../store_choice.ts";
import { type CheckedUrl, type CheckTiming, parseCheckedUrl } from "./own_check.ts";

export const REGISTER_OPTIONS = {
  ...STORE_OPTIONS,
  app: { type: "string" },
  stack: { type: "string" },
  flavor: { type: "string" },
  address: { type: "string" },
  ipv4: { type: "string" },
  ipv6: { type: "string" },
  weight: { type: "string" },
  class: { type: "string" },
  "session-timeout": { type: "string" },
  check: { type: "string" },
  interval: { type: "string" },
  timeout: { type: "string" },
  "healthy-after": { type: "string" },
  "unhealthy-after": { type: "string" },
  json: { type: "boolean", default: false },
} as const;

export type RegisterValues = StoreValues & {
  readonly [Key in Exclude<keyof typeof REGISTER_OPTIONS, keyof typeof STORE_OPTIONS | "json">]?:
    string | undefined;
} & { readonly json: boolean };

export interface RegisterChoice {
  readonly host: Omit<RegisteredHost, "worker_id" | "registered_at_ms">;
  /** `/dc/az/flavor/app` */
  readonly folder: string;
  /** Null: the host counts as serving. */
  readonly check: { readonly url: CheckedUrl; readonly timing: CheckTiming } | null;
}

const STACK = /^\/[A-Za-z0-9._-]+\/[A-Za-z0-9._-]+$/;
const FLAVOR = /^[A-Za-z0-9._-]+$/;
const APPLICATION = /^[^/\0-\x20\x7f-\x9f]{1,128}$/;
const CLASS = /^[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*$/;
const MOST_WEIGHT = 65_535;
const MOST_RESULTS = 1_000;

/** Throws Error in words for what makes no sense. */
export function registerChoice(values: RegisterValues): RegisterChoice {
  const problem = storeChoiceProblem(values);
  if (problem !== null) throw new Error(problem);
  const application = matching("app", values.app, APPLICATION, "the name of an application");
  const stack = matching("stack", values.stack, STACK, "datacenter and zone such as /EU/z1");
  const flavor = matching("flavor", values.flavor, FLAVOR, "a flavor such as 1.0");
  if (flavor === "." || flavor === ".." || application === "." || application === "..")
    throw new Error("--app and --flavor: . and .. are no names of nodes");
  const found = values.address === undefined ? null : parseHostPort(values.address, false);
  if (found === null) throw new Error(`--address ${values.address ?? ""}: expected HOST:PORT`);
  const isIpv6 = parseIpv6(found.host) !== null;
  return {
    host: {
      application,
      address: found.host,
      port: found.port,
      ipv4: familyAddress("ipv4", values.ipv4, isIpv6 ? null : found.host),
      ipv6: familyAddress("ipv6", values.ipv6, isIpv6 ? found.host : null),
      weight: values.weight === undefined ? null : whole("weight", values.weight, 0, MOST_WEIGHT),
      payload_class: matching(
        "class",
        values.class ?? DEFAULT_PAYLOAD_CLASS,
        CLASS,
        "a class such as com.example.MetaData",
      ),
    },
    folder: `${stack}/${flavor}/${application}`,
    check: checkOf(values),
  };
}

function checkOf(values: RegisterValues): RegisterChoice["check"] {
  if (values.check === undefined) {
    const without = (["interval", "timeout", "healthy-after", "unhealthy-after"] as const).find(
      (name) => values[name] !== undefined,
    );
    if (without !== undefined) throw new Error(`--${without}: says how --check is done; expected it too`);
    return null;
  }
  const url = parseCheckedUrl(values.check);
  if ("problem" in url) throw new Error(`--check: ${url.problem}`);
  const timing = {
    interval_ms: milliseconds("interval", values.interval, DEFAULT_PROBE.interval_ms),
    timeout_ms: milliseconds("timeout", values.timeout, DEFAULT_PROBE.timeout_ms),
    healthy_after: count("healthy-after", values["healthy-after"], DEFAULT_PROBE.healthy_after),
    unhealthy_after: count("unhealthy-after", values["unhealthy-after"], DEFAULT_PROBE.unhealthy_after),
  };
  return { url, timing };
}

function matching(option: string, text: string | undefined, pattern: RegExp, what: string): string {
  if (text === undefined) throw new Error(`--${option} is missing; expected ${what}`);
  if (!pattern.test(text)) throw new Error(`--${option} ${JSON.stringify(text)}: expected ${what}`);
  return text;
}

/** A host name may stand for the addresses of a family. */
function familyAddress(
  option: "ipv4" | "ipv6",
  text: string | undefined,
  byDefault: string | null,
): string | null {
  if (text === undefined) return byDefault;
  const isAddress = (option === "ipv4" ? parseIpv4(text) : parseIpv6(text)) !== null;
  if (isAddress || isHostName(text)) return text;
  throw new Error(
    `--${option} ${text}: expected an ${option === "ipv4" ? "IPv4" : "IPv6"} address or a host name`,
  );
}

function whole(option: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= least && number <= most) return number;
  throw new Error(`--${option} ${text}: expected a whole number from ${least} to ${most}`);
}

function count(option: string, text: string | undefined, byDefault: number): number {
  return text === undefined ? byDefault : whole(option, text, 1, MOST_RESULTS);
}

function milliseconds(option: string, text: string | undefined, byDefault: number): number {
  if (text === undefined) return byDefault;
  const found = parseDuration(text);
  if (found === null || found === 0) throw new Error(`--${option} ${text}: expected a duration such as 2s`);
  return found;
}
