/** The bodies of the admin API: types and OpenAPI document are made of these. */
import { z } from "zod";
import { MAX_WEIGHT } from "../core/model.ts";
import { named } from "./named_schemas.ts";

/** Nothing of a report changes. */
type Deep<Value> = Value extends readonly (infer Item)[]
  ? readonly Deep<Item>[]
  : Value extends object
    ? { readonly [Key in keyof Value]: Deep<Value[Key]> }
    : Value;

const texts = () => z.array(z.string());
const health = z.enum(["healthy", "unhealthy", "unknown"]);
const enabled = z.enum(["active", "draining", "disabled"]);
const weight = () => z.int().min(0).max(MAX_WEIGHT);
const state = z.enum(["starting", "serving", "draining"]);

export const healthReport = named(
  "Health",
  z.strictObject({
    status: state.meta({ description: "Only `serving` is answered with 200." }),
    version: z.string(),
    workers: z.int().min(0).meta({ description: "Workers that take requests now." }),
    since: z.iso.datetime().meta({ description: "When the program started." }),
  }),
);

export const backend = named(
  "Backend",
  z.strictObject({
    pool: z.string(),
    id: z.string(),
    url: z.string(),
    zone: z.string().nullable(),
    enabled: enabled.meta({ description: "`draining` keeps what it has and takes no new work." }),
    weight: weight(),
    configured_weight: weight().meta({ description: "What the configuration says." }),
    checked: z.boolean().meta({ description: "Its pool has a health check." }),
    overridden: z
      .boolean()
      .meta({ description: "Something was set while the program runs, and `reset` takes it back." }),
    addresses: z.array(z.strictObject({ address: z.string(), health })),
  }),
);

export const backends = named("Backends", z.strictObject({ backends: z.array(backend) }));

export const backendChange = named(
  "BackendChange",
  z.strictObject({
    backend,
    etag: z.string().meta({ description: "Of the backend as it is now, for the next If-Match." }),
    changed: z.boolean().meta({ description: "False: it was so before." }),
    warnings: texts(),
  }),
);

export const weightOrder = named(
  "WeightOrder",
  z.strictObject({ weight: weight().meta({ description: "Its share of the traffic." }) }),
);

const lastReload = named(
  "LastReload",
  z.strictObject({ ok: z.boolean(), at: z.iso.datetime(), problems: texts() }),
);

const vitals = {
  state,
  degraded_files: texts().meta({ description: "Files of the configuration whose last good content acts." }),
  last_reload: lastReload.nullable().meta({ description: "Null before the first one." }),
};
export type VitalsReport = Deep<z.output<z.ZodObject<typeof vitals>>> & { readonly workers: number };

export const adminHealth = named(
  "AdminHealth",
  z.strictObject({
    ...vitals,
    version: z.string(),
    since: z.iso.datetime(),
    workers: z.int().min(0).meta({ description: "Workers that take requests now." }),
    generation: z.int().meta({ description: "Grows with every configuration that comes into force." }),
    pools: z.array(
      z.strictObject({
        name: z.string(),
        condition: z.enum(["serving", "last_resort", "panic", "down"]),
        checked: z.boolean().meta({ description: "It has a health check." }),
        counts: z
          .strictObject({
            total: z.int(),
            active: z.int(),
            draining: z.int(),
            disabled: z.int(),
            healthy: z.int(),
            unhealthy: z.int(),
            unknown: z.int(),
          })
          .meta({ description: "Backends by what is wanted of them, and by what probes have measured." }),
        backends: z.array(
          z.strictObject({
            id: z.string(),
            enabled,
            weight: weight(),
            health: health.meta({ description: "Of its best address." }),
          }),
        ),
      }),
    ),
  }),
);
export type PoolReport = z.output<typeof adminHealth>["pools"][number];

const status = {
  ...vitals,
  pid: z.int(),
  generation: z.int(),
  listeners: z.array(z.strictObject({ name: z.string(), address: z.string(), port: z.int() })),
  workers: z.array(
    z.strictObject({
      index: z.int(),
      pid: z.int(),
      ready: z.boolean(),
      generation: z.int(),
      draining: z.boolean(),
      stats: z
        .record(z.string(), z.number())
        .nullable()
        .meta({ description: "Null where the worker has not answered in time." }),
    }),
  ),
};
/** Without backends, which are known elsewhere. */
export type StatusReport = Deep<z.output<z.ZodObject<typeof status>>>;

export const fullStatus = named(
  "Status",
  z.strictObject({
    ...status,
    backends: z.array(
      z.strictObject({
        ...backend.shape,
        disabled_in_ms: z
          .int()
          .optional()
          .meta({ description: "Time that it has left to drain before it is disabled." }),
      }),
    ),
  }),
);

export const configuration = named(
  "Configuration",
  z.strictObject({
    generation: z.int(),
    settings: z.array(
      z.strictObject({
        path: z.string(),
        value: z.unknown().meta({ description: "Secrets stand as `REDACTED`." }),
        source: z
          .string()
          .meta({ description: "`file:line`, `environment variable NAME`, a flag, or `default`." }),
      }),
    ),
  }),
);

const reloaded = z.strictObject({
  ok: z.literal(true),
  changed: z.boolean().meta({ description: "False: an equal configuration, nothing has changed." }),
  generation: z.int(),
  changes: texts().meta({ description: "What has changed, in phrases: names, never values." }),
  warnings: texts(),
});

const tried = z.strictObject({
  ok: z.literal(true),
  dry_run: z.literal(true),
  generation: z.int().meta({ description: "Of what acts, before as after." }),
  changed: z.boolean().meta({
    description: "With neither `changes` nor `changed_files`: it is a secret that differs.",
  }),
  changes: z.array(
    z.strictObject({
      path: z.string(),
      before: z.unknown().optional().meta({ description: "Left out: not set." }),
      after: z.unknown().optional().meta({ description: "Left out: not set." }),
    }),
  ),
  changed_files: texts(),
  warnings: texts(),
});

export const reloadAnswer = named("Reload", z.union([tried, reloaded]));

type Refused = { readonly ok: false; readonly generation: number; readonly problems: readonly string[] };
export type ReloadReport =
  Deep<z.output<typeof reloaded>> | (Refused & { readonly acts?: true; readonly superseded?: true });
export type DryRunReport = Deep<z.output<typeof tried>> | Refused;

export const metricsText = named("MetricsText", z.string());
export const openApiDocument = named(
  "OpenApi",
  z.looseObject({ openapi: z.string(), info: z.looseObject({}), paths: z.record(z.string(), z.unknown()) }),
);

export const hostsReport = named(
  "Hosts",
  z.strictObject({
    file: z.string().nullable().meta({ description: "Null without a section `hosts`." }),
    write: z
      .enum(["rename", "in_place"])
      .nullable()
      .meta({ description: "How the file is written; null before that is known." }),
    dry_run: z.boolean(),
    problem: z.string().nullable().meta({ description: "Why the last write has failed." }),
    last_write: z.strictObject({ at: z.iso.datetime(), bytes: z.int() }).nullable(),
    dns: z.strictObject({ host: z.string(), port: z.int() }).nullable(),
    names: z.array(
      z.strictObject({
        name: z.string(),
        aliases: texts(),
        pool: z.string(),
        state: z.enum(["serving", "waiting", "down"]).meta({
          description: "`waiting`: nobody is known to be healthy, and somebody has not been judged yet.",
        }),
        addresses: texts().nullable().meta({
          description: "What it leads to, best first; null where what stands in the file is not known.",
        }),
        since: z.iso.datetime(),
        candidates: z.array(
          z.strictObject({
            backend: z.string(),
            address: z.string().nullable(),
            zone: z.string().nullable(),
            health,
            reason: z.string().meta({ description: "What the last probe saw." }),
            in_use: z.boolean(),
          }),
        ),
      }),
    ),
  }),
);
export type HostsReport = Deep<z.output<typeof hostsReport>>;
