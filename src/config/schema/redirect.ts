/** `redirect:` answers that say where to go. */
import { z } from "zod";
import {
  DEFAULT_MAX_MODEL_BYTES,
  DEFAULT_REDIRECT,
  DEFAULT_REDIRECT_FEEDBACK,
  MAX_REDIRECT_GENERATIONS,
} from "../../core/defaults.ts";
import { duration, formatDuration } from "../../core/schema/duration.ts";
import { outputFile } from "../../core/schema/file_name.ts";
import { listenAddress } from "../../core/schema/listen_address.ts";
import { network } from "../../core/schema/network.ts";
import { secret } from "../../core/schema/secret.ts";
import { share } from "../../core/schema/share.ts";
import { formatSize, size } from "../../core/schema/size.ts";
import type { ConfigPart, ConfigParts } from "../parts.ts";
import { redirectService, type RedirectServiceConfig } from "./redirect_service.ts";
import { probeSchema } from "./pools.ts";
import { type ListenerConfig, listenerOptionShape } from "./listeners.ts";

const MAX_WEIGHT = 65_535;
const MAX_PER_MINUTE = 1_000_000;
const MAX_TRACED_SESSIONS = 100_000;
const DISCOVERY = DEFAULT_REDIRECT.discovery;
const LEAST_RETENTION_MS = 60_000;

const appShape = (parts: ConfigParts) => ({
  compat: z.enum(["none", "redirector-1"]).optional().meta({
    description:
      "`redirector-1`: conditions, percentages and the order of rules are as in the original redirector; default: `none`.",
  }),
  discovery: z.enum(["dynamic", "static"]).optional().meta({
    description:
      "Hosts as they come and go, or as they were when the last model came (`static`); default: `dynamic`.",
  }),
  answer: z.enum(["redirect", "locations"]).optional().meta({
    description: "302, or 200 with a list of places as JSON; default: `redirect`.",
  }),
  location: z.enum(["full", "origin"]).optional().meta({
    description: "Of a redirect the whole URL, or scheme, host and port as in the original; default: `full`.",
  }),
  answer_headers: z.boolean().optional().meta({
    description: "Answers tell rule, stack, version and type in `X-Fairlead-*`; default: false.",
  }),
  sticky_parameters: z.array(z.string().min(1)).min(1).max(8).optional().meta({
    description:
      "Parameters of which the first one that is not blank decides in which percentage a client is; default: `serviceAccountId`, `mac`.",
  }),
  strategy: z.enum(["round_robin", "random"]).optional().meta({
    description: "How hosts take turns, by their weights; default: `round_robin`.",
  }),
  affinity: z.enum(["none", "host"]).optional().meta({
    description: "`host`: a client keeps its host while that is there; default: `none`.",
  }),
  spill_over: z
    .strictObject({
      datacenter: z.string().min(1).meta({ description: "Our own datacenter." }),
      min_hosts: z.int().min(1).prefault(1).meta({ description: "With fewer hosts of it others serve too." }),
    })
    .optional()
    .meta({ description: "Hosts of our own datacenter come first; not looked at without this section." }),
  health_check: probeSchema(parts.probes).optional().meta({
    description:
      "Checks of registered hosts, at the port of the model's default URL unless they name one: hosts that fail are passed over while others are left; none without this section.",
  }),
  feedback: feedback.optional().meta({
    description:
      "Answers carry a token with which clients may say how they fared: `POST /serviceDirect/APP/feedback`; `{}` = with all defaults, none without this section.",
  }),
});

const FEEDBACK = DEFAULT_REDIRECT_FEEDBACK;

const perMinute = (value: number) =>
  z
    .int({ error: `expected a number from 1 to ${MAX_PER_MINUTE}` })
    .min(1)
    .max(MAX_PER_MINUTE)
    .prefault(value);

const feedback = z.strictObject({
  secret: secret()
    .min(FEEDBACK.secret_characters, { error: `expected at least ${FEEDBACK.secret_characters} characters` })
    .optional()
    .meta({
      description:
        "Signs tokens; gateways that share it take each other's. Default: a key in `state_dir`, made at the first need.",
    }),
  max_age: duration()
    .refine((value) => value > 0 && value <= FEEDBACK.most_age_ms, {
      error: `expected a time above 0, at most ${formatDuration(FEEDBACK.most_age_ms)}`,
    })
    .prefault(formatDuration(FEEDBACK.max_age_ms))
    .meta({ description: "A token may be used for so long." }),
  per_address: perMinute(FEEDBACK.per_address).meta({
    description: "Reports per minute that a client address may send, in each worker.",
  }),
  per_app: perMinute(FEEDBACK.per_app).meta({
    description: "Reports per minute that are taken of all clients together, in each worker.",
  }),
});

const app = (parts: ConfigParts) => z.strictObject(appShape(parts));

/** Sections of an application that have no word of their own for "none". */
const LEAVABLE = ["spill_over", "health_check", "feedback"] as const;

const ownApp = (parts: ConfigParts) =>
  app(parts).extend({
    without: z.array(z.enum(LEAVABLE)).optional().meta({
      description: "Sections of `defaults` that are not for this application; it has none of them then.",
    }),
  });

/** What an application leaves out it names once, and does not set itself. */
function checkLeft(config: AppConfig, context: z.RefinementCtx): void {
  for (const [index, name] of (config.without ?? []).entries()) {
    const path = ["without", index];
    if (config[name] !== undefined)
      context.addIssue({ code: "custom", path, message: `${name} is set here too` });
    if (config.without!.indexOf(name) < index)
      context.addIssue({ code: "custom", path, message: `${name} stands there twice` });
  }
}
type AppConfig = z.output<ReturnType<typeof ownApp>>;

function storeSchema(parts: readonly ConfigPart[]): z.ZodType<StoreConfig> {
  const kinds = parts.map(({ name: type, schema, summary }) =>
    (schema as z.ZodObject).extend({ type: z.literal(type).meta({ description: summary }) }),
  );
  return z.discriminatedUnion("type", kinds as never) as unknown as z.ZodType<StoreConfig>;
}

export interface StoreConfig {
  readonly type: string;
  readonly [option: string]: unknown;
}

export interface RedirectConfig extends Omit<ListenerConfig, "protocol"> {
  readonly store: StoreConfig;
  readonly max_model_bytes: number;
  readonly trusted_from: Readonly<Record<string, readonly string[]>>;
  readonly discovery: z.output<typeof discovery>;
  readonly last_known_good: z.output<typeof lastKnownGood>;
  readonly service: RedirectServiceConfig;
  readonly session_traces?: z.output<typeof sessionTraces> | undefined;
  readonly defaults: AppConfig;
  readonly apps: Readonly<Record<string, AppConfig>>;
}

const weight = (least: number) =>
  z
    .int({ error: `expected a number from ${least} to ${MAX_WEIGHT}` })
    .min(least)
    .max(MAX_WEIGHT);

const discovery = z.strictObject({
  max_loss: share()
    .prefault(`${DISCOVERY.max_loss * 100}%`)
    .meta({
      description:
        "When a larger share of a stack's hosts vanishes within a second, or after an outage of the store, the last hosts stay in use.",
    }),
  grace: duration().prefault(formatDuration(DISCOVERY.grace_ms)).meta({ description: "For so long." }),
  stack_retention: duration()
    .prefault(formatDuration(DISCOVERY.stack_retention_ms))
    .refine((value) => value >= LEAST_RETENTION_MS, { error: "expected at least 1m" })
    .meta({ description: "The node of a stack that has no host for so long is deleted from the store." }),
  default_weight: weight(0).prefault(DISCOVERY.default_weight).meta({
    description: "Of hosts that say none.",
  }),
  max_weight: weight(1).prefault(DISCOVERY.max_weight).meta({ description: "More counts as this." }),
  weight_from_registration: z.boolean().prefault(DISCOVERY.weight_from_registration).meta({
    description: "What hosts say of their weight counts.",
  }),
});

const lastKnownGood = z.strictObject({
  path: outputFile().optional().meta({
    description: "Folder of what the next start may need; default: `redirect` in `state_dir`.",
  }),
  generations: z
    .int()
    .min(1)
    .max(MAX_REDIRECT_GENERATIONS)
    .prefault(DEFAULT_REDIRECT.generations)
    .meta({ description: "So many are kept." }),
});

const sessionTraces = z.strictObject({
  sessions: z
    .int()
    .min(1)
    .max(MAX_TRACED_SESSIONS)
    .prefault(DEFAULT_REDIRECT.traced_sessions)
    .meta({ description: "So many in each worker; the oldest ones go." }),
});

export function redirectSchema(parts: ConfigParts): z.ZodType<RedirectConfig> {
  const ofApp = app(parts);
  const schema = z.strictObject({
    address: listenAddress().prefault(DEFAULT_REDIRECT.address).meta({
      description: "Where clients ask: the listener `redirect`.",
    }),
    ...listenerOptionShape,
    store: storeSchema(parts.stores ?? [])
      .prefault({ type: parts.stores?.[0]?.name ?? "" } as never)
      .meta({ description: "Where models, lists and hosts are." }),
    max_model_bytes: size().prefault(formatSize(DEFAULT_MAX_MODEL_BYTES)).meta({
      description: "Larger models, and lists that are larger together, are refused.",
    }),
    trusted_from: z.record(z.string().min(1), z.array(network()).min(1)).prefault({}).meta({
      description: "Networks whose clients may send a parameter, by its name; others from anybody.",
    }),
    discovery: discovery.prefault({}).meta({ description: "The hosts of applications." }),
    last_known_good: lastKnownGood
      .prefault({})
      .meta({ description: "For starts at which the store is away." }),
    service: redirectService
      .prefault({})
      .meta({ description: "Management of models and lists, and who may use it." }),
    session_traces: sessionTraces.optional().meta({
      description:
        "What becomes of requests with `rSessionId` and `testInfo` is kept, for `fairlead redirect traces`; off without this section.",
    }),
    defaults: ofApp.prefault({}).meta({ description: "Of all applications." }),
    apps: z
      .record(z.string().min(1).max(128), ownApp(parts).superRefine(checkLeft))
      .prefault({})
      .meta({ description: "What is different for an application, by its name." }),
  });
  return schema as unknown as z.ZodType<RedirectConfig>;
}
