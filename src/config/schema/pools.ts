/** `pools:` backends, how they are chosen, watched and spoken to. */
import { z } from "zod";
import {
  DEFAULT_MAX_IDLE_CONNECTIONS,
  DEFAULT_OUTLIERS,
  DEFAULT_PROBE,
  DEFAULT_QUEUE,
  DEFAULT_RETRIES,
  DEFAULT_SLOW_START,
  DEFAULT_SPILL_BELOW,
} from "../../core/defaults.ts";
import { MAX_WEIGHT } from "../../core/model.ts";
import { backendUrls } from "../../core/schema/backend_url.ts";
import { duration, formatDuration } from "../../core/schema/duration.ts";
import { expandEllipses } from "../../core/schema/ellipsis.ts";
import { statusCode } from "../../core/schema/field.ts";
import { inputFile } from "../../core/schema/file_name.ts";
import { isHostName, parseHostPort } from "../../core/schema/host.ts";
import { hashKey, type HashKey } from "../../core/schema/hash_key.ts";
import { parseIp } from "../../core/schema/ip.ts";
import { name } from "../../core/schema/name.ts";
import { share } from "../../core/schema/share.ts";
import { parsedText } from "../../core/schema/text.ts";
import { takesHashKey, type ConfigPart, type ConfigParts, type StrategyPart } from "../parts.ts";
import { poolTimeouts } from "./timeouts.ts";
import { zone } from "./zone.ts";

const MAX_COUNT = 2 ** 31 - 1;
const count = (minimum: number, value: number, description: string): z.ZodPrefault<z.ZodInt> =>
  z.int().min(minimum).max(MAX_COUNT).meta({ description }).prefault(value);

/** The name of a backend, or of several by ellipses. */
const backendIds = (): z.ZodType<readonly string[], string> =>
  z
    .string({ error: "expected a name" })
    .transform((text, context) => {
      const expanded = expandEllipses(text);
      const problem =
        "problem" in expanded
          ? expanded.problem
          : expanded.texts.map((id) => name().safeParse(id).error?.issues[0]?.message).find(Boolean);
      if (problem === undefined && "texts" in expanded) return expanded.texts;
      context.issues.push({ code: "custom", message: problem ?? "", input: text });
      return z.NEVER;
    })
    .meta({ type_name: "name" });

const backendShape = z.strictObject({
  id: backendIds().optional().meta({
    description:
      "Its name, unique within the pool. Default: host:port of the URL. With ellipses in the URL: the same in the name.",
  }),
  url: backendUrls().meta({
    description:
      "`http://host:port`, `https://…`, `tcp://host:port` (not for routes), `unix:/path` or `https+unix:/path`. Ellipses stand for several backends: `http://minio{1...4}:9000`.",
  }),
  weight: z
    .int({ error: "expected a weight from 0 to 65535" })
    .min(0, { error: "expected a weight from 0 to 65535" })
    .max(MAX_WEIGHT, { error: "expected a weight from 0 to 65535" })
    .prefault(1)
    .meta({ description: "Its share of the traffic, 0 to 65535; 0 = no new traffic." }),
  zone: zone().optional().meta({ description: "Where it stands, for `zones` of the pool." }),
  last_resort: z.boolean().prefault(false).meta({
    description: "It takes traffic only when no other backend of the pool may.",
  }),
  max_in_flight: count(0, 0, "Requests in flight at most in each worker; 0 = no limit."),
  metadata: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String))
    .prefault({})
    .meta({ description: "Free text for people and tools." }),
});

const backend = backendShape.superRefine(({ id, url }, context) => {
  if (id === undefined || id.length === url.length) return;
  const urls = url.length === 1 ? "one backend" : `${url.length} backends`;
  const message = `names ${id.length}, and the URL stands for ${urls}; expected the same ellipses in both`;
  context.addIssue({ code: "custom", message, path: ["id"] });
});

const upstreamTls = z.strictObject({
  ca: inputFile()
    .optional()
    .meta({ description: "PEM file with authorities; default: those of the system." }),
  cert: inputFile().optional().meta({ description: "PEM file with our client certificate." }),
  key: inputFile().optional().meta({ description: "PEM file with its key." }),
  server_name: z
    .string()
    .refine(isHostName, { error: "expected a host name" })
    .optional()
    .meta({ description: "Name that is sent (SNI) and verified; default: the backend's host." }),
  verify: z.boolean().prefault(true).meta({ description: "Verify the backend's certificate." }),
});

const hostHeader = (): z.ZodType<"pass" | "backend" | { name: string }, string> =>
  parsedText({
    name: "host header",
    expected: "pass, backend or a host name with an optional port",
    parse: (text) => {
      if (text === "pass" || text === "backend") return text;
      const fits = isHostName(text) || parseIp(text) !== null || parseHostPort(text, false) !== null;
      return fits ? { name: text } : null;
    },
  });

const retries = z.strictObject({
  attempts: count(0, DEFAULT_RETRIES.attempts, "Further attempts after the first."),
  budget: share()
    .meta({ description: "Share of the active requests that may be retries." })
    .prefault(`${DEFAULT_RETRIES.budget * 100}%`),
  budget_min: count(0, DEFAULT_RETRIES.budget_min, "Retries at once that are always allowed."),
  non_idempotent: z.boolean().prefault(DEFAULT_RETRIES.non_idempotent).meta({
    description:
      "Retry POST and PATCH too, where the backend may have seen the request; only requests of whose body nothing has left.",
  }),
  on_status: z.array(statusCode()).prefault([]).meta({
    description:
      "Statuses of a backend that are retried on another one, for requests of whose body nothing has left.",
  }),
});

const positive = (value: number): boolean => value > 0;
const aboveZero = (value: number, description: string): z.ZodType<number, unknown> =>
  duration()
    .refine(positive, { error: "expected a time above 0" })
    .meta({ description })
    .prefault(formatDuration(value)) as unknown as z.ZodType<number, unknown>;

const outliers = z.strictObject({
  failures: count(1, DEFAULT_OUTLIERS.failures, "So many tries in a row must fail."),
  window: aboveZero(DEFAULT_OUTLIERS.window_ms, "They must fall into this time."),
  ejection: aboveZero(
    DEFAULT_OUTLIERS.ejection_ms,
    "For how long the backend is left out the first time; twice as long each further time.",
  ),
  max_ejection: aboveZero(DEFAULT_OUTLIERS.max_ejection_ms, "For how long at most."),
  max_ejected: share()
    .meta({ description: "Share of the pool's backends that may be left out at once; one at least." })
    .prefault(`${DEFAULT_OUTLIERS.max_ejected * 100}%`),
  statuses: z
    .array(statusCode())
    .prefault([...DEFAULT_OUTLIERS.statuses])
    .meta({ description: "Statuses that count as failures, beside no answer at all." }),
});

const slowStart = z.strictObject({
  duration: aboveZero(
    DEFAULT_SLOW_START.duration_ms,
    "How long its part grows until it is the whole weight.",
  ),
  initial_share: share()
    .refine(positive, { error: "expected a share above 0 %" })
    .meta({ description: "The part of its weight that a backend begins with." })
    .prefault(`${DEFAULT_SLOW_START.initial_share * 100}%`),
});

const zones = z.strictObject({
  local: zone()
    .optional()
    .meta({ description: "The zone that is preferred; default: `zone`, where this program runs." }),
  order: z.array(zone()).prefault([]).meta({
    description: "Other zones, nearest first. All that are not named come last, together.",
  }),
  spill_below: share()
    .meta({
      description:
        "While at least this share of a zone's weight may serve, the zone takes all traffic that is meant for it; with less, the rest goes to the next zone in proportion. 70 % is an overprovisioning factor of 1.4.",
    })
    .prefault(`${DEFAULT_SPILL_BELOW * 100}%`),
});

const queue = z.strictObject({
  size: count(0, DEFAULT_QUEUE.size, "Requests that wait for a backend at most in each worker."),
  timeout: duration()
    .meta({ description: "How long a request waits at most." })
    .prefault(formatDuration(DEFAULT_QUEUE.timeout_ms)),
});

const PORT = "expected a port from 1 to 65535";
const probeShape = {
  interval: duration()
    .refine((value) => value > 0, { error: "expected an interval above 0" })
    .meta({ description: "From one check to the next." })
    .prefault(formatDuration(DEFAULT_PROBE.interval_ms)),
  timeout: duration()
    .refine((value) => value > 0, { error: "expected a timeout above 0" })
    .meta({ description: "A check that takes longer has failed." })
    .prefault(formatDuration(DEFAULT_PROBE.timeout_ms)),
  jitter: share()
    .meta({ description: "Each interval is stretched by up to this share." })
    .prefault(`${DEFAULT_PROBE.jitter * 100}%`),
  healthy_after: count(1, DEFAULT_PROBE.healthy_after, "Successes in a row that make a backend healthy."),
  unhealthy_after: count(
    1,
    DEFAULT_PROBE.unhealthy_after,
    "Failures in a row that make a backend unhealthy.",
  ),
  port: z
    .int({ error: PORT })
    .min(1, { error: PORT })
    .max(65_535, { error: PORT })
    .optional()
    .meta({ description: "Another port than the backend's." }),
};
/** Keys of `health_check` that every probe has. */
export const COMMON_PROBE_KEYS: readonly string[] = ["type", ...Object.keys(probeShape)];

export interface ProbeConfig {
  readonly type: string;
  readonly interval: number;
  readonly timeout: number;
  readonly jitter: number;
  readonly healthy_after: number;
  readonly unhealthy_after: number;
  readonly port?: number | undefined;
  readonly [option: string]: unknown;
}

/** A part's options with further keys beside them, all unknown keys refused. */
function extended(part: ConfigPart, shape: Readonly<Record<string, z.ZodType>>): z.ZodObject {
  const { schema } = part;
  if (!(schema instanceof z.ZodObject)) throw new Error(`the schema of ${part.name} must be an object`);
  for (const key of Object.keys(shape)) {
    if (Object.hasOwn(schema.shape as object, key))
      throw new Error(`${part.name} may not have an option ${key}`);
  }
  return schema.strict().safeExtend(shape).meta({ description: part.summary });
}

/** The setting `health_check`. */
export function probeSchema(probes: readonly ConfigPart[]): z.ZodType<ProbeConfig> {
  const schemas = probes.map((part) => extended(part, { type: z.literal(part.name), ...probeShape }));
  if (schemas.length === 0) return z.never() as unknown as z.ZodType<ProbeConfig>;
  return z.discriminatedUnion(
    "type",
    schemas as unknown as [z.ZodObject],
  ) as unknown as z.ZodType<ProbeConfig>;
}

/** `round_robin`, or `{ name: consistent_hash, … }`. */
export type StrategyConfig = string | { readonly name: string; readonly [option: string]: unknown };

/** The key may stand among the strategy's options as well, unless these have an own idea of it. */
function strategyOptions(part: StrategyPart): z.ZodObject {
  const { schema } = part;
  const ownKey = schema instanceof z.ZodObject && Object.hasOwn(schema.shape as object, "hash_on");
  const key =
    takesHashKey(part) && !ownKey
      ? { hash_on: hashKey().optional().meta({ description: "The same as beside `strategy`." }) }
      : {};
  return extended(part, { name: z.literal(part.name), ...key });
}

function strategySchema(strategies: readonly StrategyPart[]): z.ZodType<StrategyConfig> {
  const names = z.enum(strategies.map(({ name: strategy }) => strategy) as [string]);
  const withOptions = z.discriminatedUnion(
    "name",
    strategies.map(strategyOptions) as unknown as [z.ZodObject],
  );
  return z.union([names, withOptions]) as unknown as z.ZodType<StrategyConfig>;
}

export interface PoolConfig {
  readonly strategy: StrategyConfig;
  readonly hash_on?: HashKey | undefined;
  readonly backends: readonly z.output<typeof backend>[];
  readonly health_check?: ProbeConfig | undefined;
  readonly outliers?: z.output<typeof outliers> | undefined;
  readonly slow_start?: z.output<typeof slowStart> | undefined;
  readonly zones?: z.output<typeof zones> | undefined;
  readonly on_all_down: "refuse" | "panic";
  readonly panic_threshold: number;
  readonly host_header: "pass" | "backend" | { readonly name: string };
  readonly tls?: z.output<typeof upstreamTls> | undefined;
  readonly proxy_protocol: "none" | "v1" | "v2";
  readonly retries: z.output<typeof retries>;
  readonly timeouts: z.output<typeof poolTimeouts>;
  readonly queue: z.output<typeof queue>;
  readonly max_idle_connections: number;
  readonly requests_per_connection: number;
}

export function poolSchema(parts: ConfigParts): z.ZodType<PoolConfig> {
  const schema = z.strictObject({
    strategy: strategySchema(parts.strategies)
      .prefault(parts.strategies[0]?.name ?? "")
      .meta({ description: "How a backend is chosen: a name, or `{ name: …, option: … }`." }),
    hash_on: hashKey().optional().meta({
      description:
        "What a keyed strategy hashes: `address` (the default), `path`, `header:NAME`, `cookie:NAME` or `query:NAME`.",
    }),
    backends: z.array(backend).min(1).meta({ description: "The addresses that serve." }),
    health_check: probeSchema(parts.probes)
      .optional()
      .meta({ description: "Active checks; none without this section." }),
    outliers: outliers.optional().meta({
      description:
        "Leaves out backends whose tries fail in a row, as traffic sees it, in each worker for itself; `{}` = with all defaults, none without this section.",
    }),
    slow_start: slowStart.optional().meta({
      description:
        "A backend that comes back, or joins others that serve, gets a part of its weight that grows evenly; `{}` = with all defaults, none without this section.",
    }),
    zones: zones.optional().meta({
      description:
        "Prefers backends of our own zone and spills over to others; `{}` = with all defaults, zones are not looked at without this section.",
    }),
    on_all_down: z.enum(["refuse", "panic"]).prefault("refuse").meta({
      description:
        "When no backend may serve, not even one of last resort: `refuse` (503), or `panic` (all serve, whatever their health).",
    }),
    panic_threshold: share().prefault("0%").meta({
      description:
        "When the share of backends that are not unhealthy falls below this, health is not looked at: what is left would only break down too. 0 % = never.",
    }),
    host_header: hostHeader().prefault("pass").meta({
      description: "Host that the backend sees: `pass` (the client's), `backend` (its address) or a name.",
    }),
    tls: upstreamTls.optional().meta({ description: "TLS to backends whose URL says https." }),
    proxy_protocol: z
      .enum(["none", "v1", "v2"])
      .prefault("none")
      .meta({ description: "Send a PROXY protocol header to the backends." }),
    retries: retries.prefault({}).meta({ description: "Further attempts on other backends." }),
    timeouts: poolTimeouts.prefault({}).meta({ description: "Timeouts that differ from the general ones." }),
    queue: queue
      .prefault({})
      .meta({ description: "Where requests wait while all backends are at their limit." }),
    max_idle_connections: count(
      0,
      DEFAULT_MAX_IDLE_CONNECTIONS,
      "Idle kept-alive connections per backend and worker.",
    ),
    requests_per_connection: count(
      0,
      0,
      "Requests that a connection to a backend serves, about; 0 = no limit.",
    ),
  });
  return schema as unknown as z.ZodType<PoolConfig>;
}
