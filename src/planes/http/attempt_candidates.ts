/** Which other candidates of its pool a request may still go to. */
import type { ErrorCode } from "../../core/errors.ts";
import { isTried } from "../../core/strategies/contract.ts";
import type { HttpExchange } from "../../net/http_exchange.ts";
import type { AttemptState } from "./runtime.ts";
import type { Upstream } from "./upstream.ts";

/**
 * Another address of a backend whose address could not be reached, or null. Going on there is no retry: a server may
 * listen on one of the addresses of its name alone, as with `localhost`.
 */
export function otherAddress(exchange: HttpExchange, state: AttemptState, code: ErrorCode): Upstream | null {
  if (code !== "FL_CONNECT_REFUSED" && code !== "FL_CONNECT_FAILED") return null;
  if (exchange.responseStarted || exchange.done || !exchange.bodyUntouched) return null;
  const { backend } = state.upstream!;
  const isOther = (upstream: Upstream) =>
    upstream.backend.id === backend.id && upstream.free && isElsewhere(upstream, state);
  return state.pool!.upstreams.find(isOther) ?? null;
}

/** True for a candidate that has not been tried. By keys: a reload or a new address makes new objects. */
export function isElsewhere(upstream: Upstream, { upstream: last, tried }: AttemptState): boolean {
  return upstream.key !== last!.key && !isTried(upstream, tried);
}

/** True when there is a candidate that has not been tried, whether it is free or at its limit. */
export function hasOtherCandidate(state: AttemptState): boolean {
  return state.pool!.upstreams.some((other) => other.serves && isElsewhere(other, state));
}

/** True when a candidate is passed over only because it is at its limit. */
export function hasFullCandidate({ pool, tried }: AttemptState): boolean {
  return pool!.upstreams.some((upstream) => upstream.serves && !upstream.free && !isTried(upstream, tried));
}
