/** The whole configuration file. */
import { z } from "zod";
import { DEFAULT_RUNTIME_DIR, DEFAULT_STATE_DIR } from "../../core/defaults.ts";
import type { ForwardingPlan, Limits, Timeouts } from "../../core/plan.ts";
import { outputFile } from "../../core/schema/file_name.ts";
import { name } from "../../core/schema/name.ts";
import type { ConfigParts } from "../parts.ts";
import { admin, type AdminConfig } from "./admin.ts";
import { forwarding } from "./forwarding.ts";
import { hosts, type HostsConfig } from "./hosts.ts";
import { listener, type ListenerConfig } from "./listeners.ts";
import { middlewareSchemas, type MiddlewareEntry, type MiddlewareUse } from "./middlewares.ts";
import { observability, type ObservabilityConfig } from "./observability.ts";
import { poolSchema, type PoolConfig } from "./pools.ts";
import { redirectSchema, type RedirectConfig } from "./redirect.ts";
import { routeSchema, type RouteConfig } from "./routes.ts";
import { limits, timeouts } from "./timeouts.ts";
import { zone } from "./zone.ts";

// Validators that are compiled by `new Function` take longer to make than they save, with 10,000 routes too.
z.config({ jitless: true });

const MAX_WORKERS = 1_024;

/** The configuration with every default filled in, before it becomes a plan. */
export interface Config {
  readonly workers: "auto" | number;
  readonly user?: string | undefined;
  readonly group?: string | undefined;
  readonly runtime_dir: string;
  readonly state_dir: string;
  readonly zone?: string | undefined;
  readonly listeners: Readonly<Record<string, ListenerConfig>>;
  readonly pools: Readonly<Record<string, PoolConfig>>;
  readonly routes: readonly RouteConfig[];
  readonly middlewares: Readonly<Record<string, MiddlewareEntry | readonly MiddlewareUse[]>>;
  readonly timeouts: Timeouts;
  readonly limits: Limits;
  readonly forwarding: ForwardingPlan;
  readonly observability: ObservabilityConfig;
  readonly admin: AdminConfig;
  readonly hosts?: HostsConfig | undefined;
  readonly redirect?: RedirectConfig | undefined;
}

const account = (): z.ZodUnion<[z.ZodString, z.ZodNumber]> =>
  z.union([z.string().min(1), z.int().min(0)], { error: "expected a name or a number" }) as never;

const schemas = new WeakMap<ConfigParts, z.ZodType<Config>>();

/** The schema for a set of parts; made once for each. */
export function configSchema(parts: ConfigParts): z.ZodType<Config> {
  const known = schemas.get(parts);
  if (known !== undefined) return known;
  const schema = makeSchema(parts);
  schemas.set(parts, schema);
  return schema;
}

function makeSchema(parts: ConfigParts): z.ZodType<Config> {
  const middlewares = middlewareSchemas(parts);
  const schema = z.strictObject({
    workers: z
      .union([z.literal("auto"), z.int().min(0).max(MAX_WORKERS)], {
        error: `expected auto or a number from 0 to ${MAX_WORKERS}`,
      })
      .prefault("auto")
      .meta({
        description: "Processes that serve: `auto` = one for each core, 0 = everything in one process.",
      }),
    user: account().transform(String).optional().meta({ description: "Account that the workers change to." }),
    group: account().transform(String).optional().meta({ description: "Group that the workers change to." }),
    runtime_dir: outputFile().prefault(DEFAULT_RUNTIME_DIR).meta({
      description: "Sockets and process ids; may be lost at boot. With `--state-dir DIR`: DIR/run.",
    }),
    state_dir: outputFile().prefault(DEFAULT_STATE_DIR).meta({ description: "What must last." }),
    zone: zone().optional().meta({
      description: "The zone where this program runs, for pools with `zones`; often FAIRLEAD_ZONE.",
    }),
    listeners: z.record(name(), listener).prefault({}).meta({ description: "Local addresses, by name." }),
    pools: z
      .record(name(), poolSchema(parts))
      .prefault({})
      .meta({ description: "Sets of backends, by name." }),
    routes: z.array(routeSchema(middlewares)).prefault([]).meta({ description: "Which requests go where." }),
    middlewares: z
      .record(name(), middlewares.named)
      .prefault({})
      .meta({ description: "Middlewares and groups of them that routes use by name." }),
    timeouts: timeouts.prefault({}).meta({ description: "All durations; 0 = no limit." }),
    limits: limits.prefault({}).meta({ description: "What one client and one message may take." }),
    forwarding: forwarding.prefault({}).meta({ description: "What is told about a request." }),
    observability: observability.prefault({}).meta({ description: "Log and metrics." }),
    admin: admin.prefault({}).meta({ description: "Administration." }),
    hosts: hosts.optional().meta({
      description:
        "Names that lead to a healthy backend through the hosts file; it is not touched without this section.",
    }),
    redirect: redirectSchema(parts).optional().meta({
      description: "Tells clients where to go, by the rules of applications; not without this section.",
    }),
  });
  return schema as unknown as z.ZodType<Config>;
}
