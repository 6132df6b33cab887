/**
 * What `fairlead explain` answers: the way that one request would take through the plan that acts, and why. Plain JSON.
 * Workers import its types alone.
 */
import { z } from "zod";

const strings = z.array(z.string());

/** A route that was looked at, in the order in which routes are tried. */
const route = z.strictObject({
  name: z.string(),
  match: z.string().meta({ description: 'Its rule, "" for a default route.' }),
  priority: z.number().nullable().meta({ description: "Null for a default route: it comes last." }),
  matches: z.boolean(),
  failed: z.string().nullable().meta({ description: "What does not hold, where it does not match." }),
});

const middleware = z.strictObject({
  name: z.string().meta({ description: "Its name under `middlewares:`, or its kind." }),
  kind: z.string(),
  stage: z.string(),
  verdict: z.enum(["passes", "answers", "unknown", "not_reached"]).meta({
    description: "`unknown`: what it does cannot be known without doing it.",
  }),
  effects: strings.meta({ description: "What it changes of the request; values of fields are not shown." }),
  detail: z.string(),
});

const candidate = z.strictObject({
  key: z
    .string()
    .meta({ description: "The backend's id, or `id@address` where a name has several addresses." }),
  backend: z.string(),
  address: z.string(),
  weight: z.number(),
  health: z
    .enum(["healthy", "unhealthy", "unknown"])
    .nullable()
    .meta({ description: "Null: it is not checked." }),
  enabled: z.enum(["active", "draining", "disabled"]),
  last_resort: z.boolean(),
  zone: z.string().nullable().meta({ description: "Null: it has none, or the pool does not look at zones." }),
  ejected: z.boolean().meta({ description: "Left out for a while because of failing tries." }),
  in_flight: z.number().meta({ description: "Of the worker that answers." }),
  limit: z.number().meta({ description: "Requests in flight at most, 0 = no limit." }),
  eligible: z.boolean(),
  why: z.string().meta({ description: "Why it may not be chosen, or what else is special about it." }),
});

const pool = z.strictObject({
  name: z.string(),
  condition: z.enum(["serving", "last_resort", "panic", "down"]),
  strategy: z.string(),
  hash_on: z.string().nullable().meta({ description: "What a keyed strategy hashes." }),
  hash_text: z.string().nullable().meta({ description: "What that is in this request." }),
  hash: z.number().nullable(),
  candidates: z.array(candidate),
  candidates_left_out: z.number().meta({ description: "Further ones that are not listed." }),
  by_chance: z.boolean().meta({ description: "The strategy draws: no candidate is known beforehand." }),
  order: strings.meta({
    description:
      "The candidate that would be chosen now, then those that retries would go to, if nothing else moves meanwhile.",
  }),
});

const outcome = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("backend"),
    candidate: z.string().nullable().meta({ description: "Null: by chance." }),
    address: z.string().nullable(),
    method: z.string(),
    target: z.string().meta({ description: "As it is sent." }),
    host: z.string().meta({ description: "The Host field as it is sent." }),
  }),
  z.strictObject({
    kind: z.literal("queue").meta({ description: "All that may be chosen are at their limits." }),
    waiting: z.number(),
    timeout_ms: z.number(),
  }),
  z.strictObject({
    kind: z.literal("answer"),
    by: z.enum(["route", "middleware", "fairlead"]),
    status: z.number(),
    code: z.string().nullable().meta({ description: "The error code that the log shows." }),
    detail: z.string(),
    location: z.string().nullable(),
  }),
  z.strictObject({ kind: z.literal("no_connection"), code: z.string(), detail: z.string() }),
]);

/** What a plane of one worker says. */
const planeExplanation = z.strictObject({
  generation: z.number().meta({ description: "Of the plan that the worker acts by." }),
  certificate: z.strictObject({ asked: z.string(), names: strings }).nullable().meta({
    description:
      "The name that the client asks for and the names of the certificate that it gets; null without TLS.",
  }),
  client: z.strictObject({
    peer: z.string().meta({ description: "Address that holds the connection." }),
    trusted: z.boolean().meta({ description: "Its forwarding fields are believed." }),
    address: z.string().meta({ description: 'Who the client is taken for; "" = nobody knows.' }),
    scheme: z.enum(["http", "https"]),
  }),
  request: z
    .strictObject({
      method: z.string(),
      target: z.string(),
      host: z.string().meta({ description: "As rules compare it." }),
      path: z.string().meta({ description: "In normal form, as rules compare it." }),
    })
    .nullable()
    .meta({ description: "Null: it was refused before it was understood." }),
  routes: z.array(route).meta({
    description:
      "Those that were tried and may take the host, at most 20, the one that takes the request last.",
  }),
  routes_elsewhere: z.number().meta({ description: "Routes tried before for other hosts: not listed." }),
  routes_left_out: z.number().meta({ description: "Further routes that are not listed." }),
  route: z.string().nullable(),
  middlewares: z.array(middleware),
  pool: pool.nullable(),
  outcome,
  notes: strings,
});

/** The whole answer, with what the supervisor knows. */
export const explanationSchema = planeExplanation.extend({
  worker: z.strictObject({ index: z.number(), pid: z.number() }),
  listener: z.strictObject({
    name: z.string(),
    address: z.string(),
    port: z.number().meta({ description: "0 for a unix socket." }),
    tls: z.boolean(),
    why: z.string().meta({ description: "Why this one." }),
    others: strings.meta({ description: "Listeners that might as well be meant." }),
  }),
});

export type PlaneExplanation = z.infer<typeof planeExplanation>;
export type Explanation = z.infer<typeof explanationSchema>;
export type ExplainedRoute = z.infer<typeof route>;
export type ExplainedMiddleware = z.infer<typeof middleware>;
export type ExplainedCandidate = z.infer<typeof candidate>;
export type ExplainedPool = z.infer<typeof pool>;
export type Outcome = z.infer<typeof outcome>;

/** What a worker is asked: the bytes of a request, and where they come in. Plain JSON. */
export interface AskedRequest {
  /** Name of the listener in the plan that acts. */
  readonly listener: string;
  /** Port that it has really, 0 for a unix socket. */
  readonly port: number;
  /** Address of the peer as text, "" for a unix socket. */
  readonly peer: string;
  /** The name that the client asks for in its TLS handshake, "" = none. */
  readonly server_name: string;
  /** The head of the request as it is sent, up to and with its empty line. */
  readonly head: string;
}
