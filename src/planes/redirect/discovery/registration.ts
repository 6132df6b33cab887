/**
 * What a host says of itself in the store: the JSON of a Curator ServiceInstance, as the original's hosts write it. Addresses
 * stand in `payload.parameters`, and may be host names.
 */
import { parseDouble } from "../../../core/redirect/java_double.ts";
import { quoted } from "../../../core/redirect/documents/reading.ts";
import type { Host } from "../../../core/redirect/hosts.ts";

export interface WeightOptions {
  /** Of a host that gives no weight, or none that is a number. */
  readonly default_weight: number;
  /** Larger weights become this one. */
  readonly max_weight: number;
  /** False: all hosts have the default weight. */
  readonly weight_from_registration: boolean;
}

/** A host with what is odd about it (sentences), or the reason why there is none (completes "PATH was passed over: it …"). */
export type ReadRegistration =
  { readonly host: Host; readonly warnings: readonly string[] } | { readonly skipped: string };

/**
 * Reads a registration. `key` becomes the host's. Unknown members are passed over. A host that says `enabled: false` (newer
 * Curator) gets no traffic. Never throws.
 */
export function readRegistration(key: string, bytes: Uint8Array, options: WeightOptions): ReadRegistration {
  const instance = parsed(bytes);
  if (typeof instance === "string") return { skipped: instance };
  const parameters = objectOf(objectOf(instance["payload"])["parameters"]);
  const [ipv4, ipv6] = addressesOf(instance, parameters);
  if (ipv4 === null && ipv6 === null)
    return { skipped: "has no address; expected one as address, ipv4Address or ipv6Address" };
  const { weight, warning } = weightOf(weightText(parameters["weight"]), options);
  const isEnabled = instance["enabled"] !== false;
  return {
    host: { key, ipv4, ipv6, weight: isEnabled ? weight : 0 },
    warnings: [
      ...(warning === null ? [] : [warning]),
      ...(isEnabled ? [] : ["is not enabled and gets no traffic"]),
    ],
  };
}

/**
 * The weight that a text stands for, as the original reads numbers: rounded half up, at most `max_weight`, and 0 for what is
 * below. Null = none was given. A warning completes the sentence that begins with the host.
 */
export function weightOf(
  text: string | null,
  { default_weight, max_weight, weight_from_registration }: WeightOptions,
): { readonly weight: number; readonly warning: string | null } {
  if (!weight_from_registration || text === null) return { weight: default_weight, warning: null };
  const number = parseDouble(text);
  if (number === null || Number.isNaN(number))
    return {
      weight: default_weight,
      warning: `has the weight ${quoted(text)}, which is no number; it counts as ${default_weight}`,
    };
  const weight = Math.min(max_weight, Math.max(0, Math.floor(number + 0.5)));
  const isFraction = Number.isFinite(number) && !Number.isInteger(number);
  const warning = isFraction ? `has the weight ${quoted(text)}, which counts as ${weight}` : null;
  return { weight, warning };
}

/** The instance, or what is wrong with it. */
function parsed(bytes: Uint8Array): Readonly<Record<string, unknown>> | string {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return "is no JSON in UTF-8; expected the registration of a host";
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return "is no JSON object; expected the registration of a host";
  return value as Readonly<Record<string, unknown>>;
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

/** Addresses of both families; `address` where no parameter has one. */
function addressesOf(
  instance: Readonly<Record<string, unknown>>,
  parameters: Readonly<Record<string, unknown>>,
): [string | null, string | null] {
  const [ipv4, ipv6] = [filled(parameters["ipv4Address"]), filled(parameters["ipv6Address"])];
  if (ipv4 !== null || ipv6 !== null) return [ipv4, ipv6];
  const address = filled(instance["address"]);
  // A host name stands with the IPv4 addresses.
  return address?.includes(":") === true ? [null, address] : [address, null];
}

function filled(value: unknown): string | null {
  return (typeof value === "string" ? value.trim() : "") || null;
}

/** Registrations of others than the original's hosts may have a number in the place of a text. */
function weightText(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  return typeof value === "string" || typeof value === "number" ? String(value) : JSON.stringify(value);
}

/** What a host registers as. */
export interface RegisteredHost {
  readonly application: string;
  /** What it is reached by: an address or a host name. */
  readonly address: string;
  readonly port: number;
  readonly ipv4: string | null;
  readonly ipv6: string | null;
  /** Null = the gateway's default. */
  readonly weight: number | null;
  /** Tells this run of the host from others: a UUID. */
  readonly worker_id: string;
  /** Milliseconds since 1970. */
  readonly registered_at_ms: number;
  /** The class that the original's readers make of the payload. */
  readonly payload_class?: string;
}

/** The class that stands in registrations of the original's own tools. */
export const DEFAULT_PAYLOAD_CLASS = "com.comcast.tvx.cloud.MetaData";

/** The name of a host's node, and its id within. */
export function registrationName({ address, port }: Pick<RegisteredHost, "address" | "port">): string {
  return `${address}:${port}`;
}

/** The registration as the original's hosts write it. */
export function writeRegistration(host: RegisteredHost): Uint8Array {
  const { application, address, port, ipv4, ipv6, weight } = host;
  const parameters = {
    ...(ipv6 === null ? {} : { ipv6Address: ipv6 }),
    ...(ipv4 === null ? {} : { ipv4Address: ipv4 }),
    ...(weight === null ? {} : { weight: String(weight) }),
  };
  const instance = {
    name: application,
    id: registrationName(host),
    address,
    port,
    sslPort: null,
    payload: {
      "@class": host.payload_class ?? DEFAULT_PAYLOAD_CLASS,
      workerId: host.worker_id,
      listenAddress: address,
      listenPort: port,
      serviceName: application,
      parameters,
    },
    registrationTimeUTC: host.registered_at_ms,
    serviceType: "DYNAMIC",
    uriSpec: null,
  };
  return new TextEncoder().encode(JSON.stringify(instance));
}
