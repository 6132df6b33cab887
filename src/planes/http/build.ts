/** Builds what a worker needs of a plan beside the one that acts, in steps that are short enough to run between requests. */
import { REDIRECT_LISTENER } from "../../core/defaults.ts";
import { membersOf } from "../../core/health/members.ts";
import { weightOf } from "../../core/health/overrides.ts";
import { hostField, type Endpoint } from "../../core/model.ts";
import type { BackendPlan, ForwardingPlan, PoolPlan, RoutePlan } from "../../core/plan.ts";
import type { HashOnOption } from "../../core/strategies/hash_on.ts";
import { requestKey } from "../../core/strategies/hash_on.ts";
import { Balancer, oneZone, zonesOf } from "../../core/strategies/balancer.ts";
import type { Random, Strategy } from "../../core/strategies/contract.ts";
import { strategyByName } from "../../core/strategies/all.ts";
import { sharedWeights } from "../../core/strategies/shared_weights.ts";
import { StateTable } from "../../core/state_table.ts";
import type { FileMap, Snapshot } from "../../core/snapshot.ts";
import { CidrSet } from "../../net/addresses.ts";
import type { MetricLayout } from "../../observe/metric_layout.ts";
import type { ClientTlsOptions } from "../../platform/connect.ts";
import { prepareTls, TlsSettingsError, type TlsContexts } from "../../platform/tls_contexts.ts";
import { prepareUpstreamTls } from "../../platform/tls_upstream.ts";
import { socketAddress } from "../../platform/socket_address.ts";
import { BackendConnections, type BackendHost } from "./backend_connections.ts";
import { buildSteps, NO_STEPS, type RouteSteps, type StepHost, type StepParts } from "./build_steps.ts";
import { deniedPatterns } from "./denied_paths.ts";
import type { PlanCounters } from "./plan_counters.ts";
import { RouterBuilder } from "./router/router.ts";
import {
  collectBytesOf,
  type ListenerRuntime,
  type PlaneRuntime,
  type PoolRuntime,
  type PoolState,
  type RouteRuntime,
} from "./runtime.ts";
import { Upstream } from "./upstream.ts";

/** Longest stretch of building between two looks at the event loop, in milliseconds. */
const SLICE_MS = 0.8;
/** Routes and pools are made in groups of this many. */
const GROUP = 64;

export interface BuildHost extends BackendHost, StepHost {
  /** Monotonic milliseconds. */
  now(): number;
  readonly random: Random;
}

/** Builds `snapshot`; `before` is the plan that acts or null. */
export function* buildRuntime(
  host: BuildHost,
  snapshot: Snapshot,
  layout: MetricLayout,
  region: Float64Array,
  before: PlaneRuntime | null,
): Generator<void, PlaneRuntime> {
  const { plan } = snapshot;
  const counters: PlanCounters = { region, boundsMs: layout.boundsMs, fixed: layout.fixedSlots() };
  const states = new StateTable(before?.states ?? null);
  const backends = new Map<string, BackendConnections>();
  const pools = new Map<string, PoolRuntime>();
  for (const [index, pool] of plan.pools.entries()) {
    const parts: PoolParts = { host, layout, counters, states, backends, snapshot };
    pools.set(pool.name, buildPool(parts, index, pool, before?.pools.get(pool.name) ?? null));
    if (index % GROUP === 0) yield;
  }
  const builder = new RouterBuilder(plan.routes, before?.router ?? null);
  let router = builder.step(SLICE_MS, () => host.now());
  while (router === null) {
    yield;
    router = builder.step(SLICE_MS, () => host.now());
  }
  const routes: RouteRuntime[] = [];
  const { forwarding } = plan;
  const parts: RouteParts = {
    host,
    counters,
    files: snapshot.files,
    states,
    layout,
    pools,
    forwarding,
    upgrades: new Map(),
  };
  for (const [index, route] of plan.routes.entries()) {
    routes.push(buildRoute(parts, index, route));
    if (index % GROUP === 0) yield;
  }
  return {
    acts: false,
    plan,
    counters,
    router,
    routes,
    noRoute: noRoute(layout, counters, plan.forwarding),
    pools,
    listeners: yield* buildListeners(host, snapshot, layout, counters, before),
    privateListener: plan.redirect === null ? null : REDIRECT_LISTENER,
    states,
    backends,
  };
}

function* buildListeners(
  host: BuildHost,
  { plan, files }: Snapshot,
  layout: MetricLayout,
  counters: PlanCounters,
  before: PlaneRuntime | null,
): Generator<void, Map<string, ListenerRuntime>> {
  const listeners = new Map<string, ListenerRuntime>();
  for (const [index, listener] of plan.listeners.entries()) {
    const { name, tls, trusted_proxies } = listener;
    const known = before?.listeners.get(name)?.tls ?? null;
    listeners.set(name, {
      plan: listener,
      index,
      slots: layout.listenerSlots(index),
      counters,
      trusted: new CidrSet(trusted_proxies),
      tls: tls === null ? null : yield* listenerTls(host, name, prepareTls(tls, files, known, Date.now())),
    });
  }
  return listeners;
}

/** Runs the steps of `prepareTls`; what is wrong is told with the listener's name. */
function* listenerTls(
  host: BuildHost,
  name: string,
  steps: Generator<void, TlsContexts>,
): Generator<void, TlsContexts> {
  try {
    const contexts = yield* steps;
    for (const warning of contexts.warnings) host.warn(`listener ${name}: ${warning}`);
    return contexts;
  } catch (error) {
    if (error instanceof TlsSettingsError) throw new TlsSettingsError(`listener ${name}: ${error.message}`);
    throw error;
  }
}

interface PoolParts {
  readonly host: BuildHost;
  readonly layout: MetricLayout;
  readonly counters: PlanCounters;
  readonly states: StateTable;
  readonly backends: Map<string, BackendConnections>;
  readonly snapshot: Snapshot;
}

function buildPool(parts: PoolParts, index: number, plan: PoolPlan, before: PoolRuntime | null): PoolRuntime {
  const { layout, counters, states } = parts;
  const upstreams = upstreamsOf(parts, index, plan);
  const balancer = balancerOf(parts.host, plan, upstreams, before);
  return {
    plan,
    index,
    slots: layout.poolSlots(index),
    counters,
    state: states.take<PoolState>("pool", plan.name, {}, () => ({
      acting: null,
      queue: [],
      active: 0,
      retrying: 0,
      isServed: false,
      slowStart: null,
    })),
    hashKey: requestKey(strategyOf(plan), plan.strategy.options as HashOnOption),
    upstreams,
    balancer,
    picker: balancer.picker,
    standing: null,
    places: null,
    latencyDecayMs: strategyOf(plan).latency_decay_ms?.(plan.strategy.options) ?? 0,
  };
}

function upstreamsOf(parts: PoolParts, index: number, plan: PoolPlan): Upstream[] {
  const { layout, counters, snapshot } = parts;
  const found = plan.backends.map((backend) =>
    membersOf(backend, snapshot.members[`${plan.name}/${backend.id}`] ?? []),
  );
  const weights = sharedWeights(
    plan.backends.map((backend, place) => ({
      weight: weightOf(plan.name, backend, snapshot.overrides),
      addresses: found[place]!.length,
    })),
  );
  return plan.backends.flatMap((backend, place) =>
    found[place]!.map(({ key, endpoint }) => {
      const connections = connectionsOf(parts, plan, backend, key, endpoint);
      const slots = layout.backendSlots(index, place);
      return new Upstream(key, weights[place]!, backend, plan, slots, counters, connections);
    }),
  );
}

function strategyOf(plan: PoolPlan): Strategy {
  const strategy = strategyByName(plan.strategy.name);
  if (strategy === undefined) throw new Error(`pool ${plan.name}: no strategy ${plan.strategy.name}`);
  return strategy;
}

function balancerOf(
  host: BuildHost,
  plan: PoolPlan,
  upstreams: readonly Upstream[],
  before: PoolRuntime | null,
): Balancer {
  const { zones: preference, strategy } = plan;
  const zones =
    preference === null ? oneZone(upstreams) : zonesOf(upstreams, ({ backend }) => backend.zone, preference);
  for (const [zone, { places }] of zones.entries()) for (const place of places) upstreams[place]!.zone = zone;
  return new Balancer(strategyOf(plan), strategy.options, zones, host.random, before?.balancer ?? null);
}

/**
 * Gives a pool the addresses that its snapshot has now. Those that are gone lose their idle connections, and are
 * forgotten when nothing is at work there: a name may have had thousands of addresses before the next reload.
 */
export function rebuildPool(
  host: BuildHost,
  built: { readonly runtime: PlaneRuntime; readonly layout: MetricLayout; readonly snapshot: Snapshot },
  pool: PoolRuntime,
): void {
  const { runtime, layout, snapshot } = built;
  const { states, backends, counters } = runtime;
  const before = pool.upstreams;
  pool.upstreams = upstreamsOf({ host, layout, counters, states, backends, snapshot }, pool.index, pool.plan);
  pool.balancer = balancerOf(host, pool.plan, pool.upstreams, pool);
  pool.picker = pool.balancer.picker;
  pool.places = pool.standing = null;
  if (runtime.acts) adoptBackends(pool);
  const kept = new Set(pool.upstreams.map(({ connections }) => connections));
  for (const { key, connections } of before) {
    if (kept.has(connections)) continue;
    const id = `${pool.plan.name}/${key}`;
    backends.delete(id);
    if (runtime.acts) connections.retire();
    states.release("backend", id, isUnused);
  }
}

function isUnused({ in_flight, open }: BackendConnections): boolean {
  return in_flight === 0 && open === 0;
}

/** The connections of an address: those of the plan before when nothing that matters to them has changed. */
function connectionsOf(
  parts: PoolParts,
  pool: PoolPlan,
  backend: BackendPlan,
  key: string,
  endpoint: Endpoint,
): BackendConnections {
  const { host, states, backends, snapshot } = parts;
  const id = `${pool.name}/${key}`;
  const tlsFiles = backend.tls && pool.tls !== null ? filesOf(pool.tls, snapshot.files) : null;
  const settings = {
    endpoint,
    tls: backend.tls ? (pool.tls ?? {}) : null,
    tlsFiles,
    host: backend.endpoint,
    host_header: pool.host_header,
    proxy_protocol: pool.proxy_protocol,
  };
  const connections = states.take<BackendConnections>("backend", id, settings, () => {
    const tls = backend.tls ? upstreamTls(pool, backend, snapshot.files) : null;
    return new BackendConnections(
      host,
      socketAddress(endpoint),
      hostField(backend.endpoint, backend.tls),
      tls,
    );
  });
  backends.set(id, connections);
  return connections;
}

function filesOf(tls: NonNullable<PoolPlan["tls"]>, files: FileMap): readonly (string | null)[] {
  return [tls.ca, tls.cert, tls.key].map((path) => (path === null ? null : (files[path] ?? null)));
}

function upstreamTls(pool: PoolPlan, backend: BackendPlan, files: FileMap): ClientTlsOptions {
  const host = backend.endpoint.kind === "tcp" ? backend.endpoint.host : "";
  try {
    return prepareUpstreamTls(pool.tls, host, files);
  } catch (error) {
    if (error instanceof TlsSettingsError) throw new TlsSettingsError(`pool ${pool.name}: ${error.message}`);
    throw error;
  }
}

/** Of thousands of routes most have the same lists and sets, and what all requests read stays in the caches of the CPU. */
interface RouteParts extends StepParts {
  /** Sets of upgrades, by the names in them. */
  readonly upgrades: Map<string, ReadonlySet<string>>;
  readonly layout: MetricLayout;
  readonly pools: ReadonlyMap<string, PoolRuntime>;
  readonly forwarding: ForwardingPlan;
}

function buildRoute(parts: RouteParts, index: number, plan: RoutePlan): RouteRuntime {
  const { layout, pools } = parts;
  const { deny } = plan.encoded_characters;
  return {
    ...withSteps(buildSteps(parts, plan)),
    plan,
    name: plan.name,
    slots: layout.routeSlots(index),
    counters: parts.counters,
    pool: plan.target.kind === "pool" ? (pools.get(plan.target.pool) ?? null) : null,
    upgrades: upgradeSet(parts, plan),
    forwarding: parts.forwarding,
    deniedPaths: deny.length === 0 ? NOTHING_DENIED : deniedPatterns(deny),
  };
}

function upgradeSet({ upgrades }: RouteParts, plan: RoutePlan): ReadonlySet<string> {
  const key = plan.upgrades.join(" ");
  let set = upgrades.get(key);
  if (set === undefined) upgrades.set(key, (set = new Set(plan.upgrades)));
  return set;
}

const NOTHING_DENIED: RouteRuntime["deniedPaths"] = [];
const WITHOUT_STEPS = stepLists(NO_STEPS);

const withSteps = (found: RouteSteps): typeof WITHOUT_STEPS =>
  found.steps.length === 0 ? WITHOUT_STEPS : stepLists(found);

function stepLists({ steps, answerSteps }: RouteSteps) {
  return {
    steps,
    responseSteps: steps.filter((step) => step.onResponse !== undefined).reverse(),
    answerSteps,
    requestStageSteps: steps.filter((step) => step.requestStage !== undefined),
    responseStageSteps: steps.filter((step) => step.responseStage !== undefined).reverse(),
    collectAt: steps.findIndex(({ body }) => body?.kind === "peek" || body?.kind === "buffer"),
    collectBytes: collectBytesOf(steps.map(({ body }) => body)),
    collectAll: steps.some(({ body }) => body?.kind === "buffer"),
  };
}

function noRoute(layout: MetricLayout, counters: PlanCounters, forwarding: ForwardingPlan): RouteRuntime {
  return {
    ...WITHOUT_STEPS,
    plan: null,
    name: "",
    slots: layout.routeSlots(-1),
    counters,
    pool: null,
    upgrades: new Set(),
    forwarding,
    deniedPaths: NOTHING_DENIED,
  };
}

function adoptBackends({ upstreams, latencyDecayMs }: PoolRuntime): void {
  for (const upstream of upstreams) {
    upstream.connections.adopt(upstream);
    upstream.connections.keepLatency(latencyDecayMs);
  }
}

/** Gives the pools of a plan that begins to act what the one before it had, and ends what nobody names any more. */
export function adoptStates(runtime: PlaneRuntime, before: PlaneRuntime | null): void {
  runtime.acts = true;
  runtime.states.settle();
  for (const pool of runtime.pools.values()) adoptBackends(pool);
  if (before === null) return;
  for (const [id, connections] of before.backends) {
    if (runtime.backends.get(id) !== connections) connections.retire();
  }
}
