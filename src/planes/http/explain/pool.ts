/** Who of a pool might take a request, and who would. */
import type { ExplainedCandidate, ExplainedPool, Outcome } from "../../../core/explain/answer.ts";
import { ERRORS, type ErrorCode } from "../../../core/errors.ts";
import type { PoolCondition } from "../../../core/health/availability.ts";
import type { KnownState } from "../../../core/health/delta.ts";
import { wantedOf } from "../../../core/health/overrides.ts";
import type { HashKey } from "../../../core/schema/hash_key.ts";
import type { Candidate } from "../../../core/strategies/contract.ts";
import type { PoolRuntime } from "../runtime.ts";
import type { Upstream } from "../upstream.ts";
import type { PoolQuestion } from "./witness.ts";

/** Candidates that are listed. */
const MOST_CANDIDATES = 200;

export interface ExplainedChoice {
  readonly pool: ExplainedPool;
  readonly outcome: Outcome;
}

/** What the pool does with `question` now. Nothing of the pool changes. */
export function explainPool(question: PoolQuestion, snapshot: KnownState): ExplainedChoice {
  const { pool, hash, hashText } = question;
  const { plan, upstreams, hashKey } = pool;
  // A pool that acts has been judged.
  const { condition } = pool.standing!;
  const { order, byChance } = foreseenOrder(pool, hash);
  const candidates = upstreams.map((upstream) => candidateOf(pool, upstream, snapshot));
  const shown = candidates.filter(({ key }, index) => index < MOST_CANDIDATES || key === order[0]?.key);
  return {
    pool: {
      name: plan.name,
      condition,
      strategy: plan.strategy.name,
      hash_on: hashKey === null ? null : keyName(hashKey),
      hash_text: hashText,
      hash: hashKey === null ? null : hash,
      candidates: shown,
      candidates_left_out: candidates.length - shown.length,
      by_chance: byChance,
      order: order.map(({ key }) => key),
    },
    outcome: outcomeOf(question, order[0] ?? null, byChance),
  };
}

/**
 * Those that would be chosen one after the other, while each try fails, as far as that is not left to chance. A copy of
 * the picker that stands where the real one stands is asked.
 */
function foreseenOrder(pool: PoolRuntime, hash: number): { order: readonly Upstream[]; byChance: boolean } {
  const { plan, upstreams, balancer } = pool;
  let draws = false;
  const picker = balancer.lookAhead(() => {
    draws = true;
    return 0;
  });
  const order: Candidate[] = [];
  const most = Math.min(plan.retries.attempts + 1, upstreams.length);
  while (order.length < most) {
    draws = false;
    const next = picker.pick!(hash, order);
    if (next === null) break;
    const isOneOfSeveral = upstreams.filter(({ free }) => free).length - order.length > 1;
    if (draws && isOneOfSeveral) return { order: order as Upstream[], byChance: order.length === 0 };
    order.push(next);
  }
  return { order: order as Upstream[], byChance: false };
}

function outcomeOf(question: PoolQuestion, chosen: Upstream | null, byChance: boolean): Outcome {
  const { pool, method, target } = question;
  if (chosen !== null || byChance) {
    return {
      kind: "backend",
      candidate: chosen?.key ?? null,
      address: chosen?.connections.address.text ?? null,
      method,
      target,
      host: hostField(question, chosen),
    };
  }
  const { queue } = pool.plan;
  const waiting = pool.state.queue.length;
  if (!pool.upstreams.some(({ serves }) => serves)) return refusal("FL_NO_BACKEND");
  if (waiting >= queue.size) return refusal("FL_QUEUE_FULL");
  return { kind: "queue", waiting, timeout_ms: queue.timeout_ms };
}

function refusal(code: ErrorCode): Outcome {
  const { status, text } = ERRORS[code];
  return { kind: "answer", by: "fairlead", status, code, detail: text, location: null };
}

function hostField({ pool, authority }: PoolQuestion, chosen: Upstream | null): string {
  const { host_header: setting } = pool.plan;
  if (typeof setting === "object") return setting.name;
  const own = chosen?.connections.authority ?? "";
  return setting === "backend" || authority === "" ? own : authority;
}

function keyName(key: HashKey): string {
  return "name" in key ? `${key.kind}:${key.name}` : key.kind;
}

function candidateOf(pool: PoolRuntime, upstream: Upstream, snapshot: KnownState): ExplainedCandidate {
  const { key, backend, weight, in_flight, limit, connections, free } = upstream;
  const { name, health_check, zones } = pool.plan;
  const candidate = {
    key,
    backend: backend.id,
    address: connections.address.text,
    weight,
    health: health_check === null ? null : (snapshot.health[`${name}/${key}`] ?? "unknown"),
    enabled: wantedOf(name, backend, snapshot.overrides),
    last_resort: backend.last_resort,
    zone: zones === null ? null : backend.zone,
    ejected: connections.ejected,
    in_flight,
    limit,
    eligible: free,
  };
  const { condition } = pool.standing!;
  return {
    ...candidate,
    why: free ? whyFree(pool, upstream, candidate) : whyNot(upstream, candidate, condition),
  };
}

type Facts = Omit<ExplainedCandidate, "why">;

function whyFree(pool: PoolRuntime, { zone, connections }: Upstream, { health, last_resort }: Facts): string {
  const { plan, standing, balancer } = pool;
  if (health === "unhealthy") return "panic: health is not looked at";
  if (standing!.condition === "last_resort" && last_resort) return "last resort: no other may serve";
  if (plan.slow_start !== null && connections.warmth === "starting")
    return "slow start: a part of its weight";
  if (balancer.shares[zone] === 0) return "a further zone: it serves when nearer ones cannot";
  return health === "unknown" ? "not probed yet, and nobody is known to be healthy" : "";
}

function whyNot({ serves }: Upstream, facts: Facts, condition: PoolCondition): string {
  const { weight, enabled, ejected, health, last_resort: lastResort, limit } = facts;
  if (enabled === "draining") return "draining: it takes no new work";
  if (enabled === "disabled") return "disabled";
  if (weight === 0) return "weight 0";
  if (ejected) return "left out for a while: its tries have failed";
  if (serves) return `at its limit of ${limit} in flight`;
  if (health === "unhealthy") return "unhealthy";
  if (lastResort && condition !== "last_resort") return "last resort: others serve";
  if (health === "unknown") return "not probed yet, while others are healthy";
  return "others serve";
}
