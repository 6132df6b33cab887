/**
 * Writers of the counter regions, for the way of a request: one addition each, nothing is looked up or allocated.
 * `region` is the worker's own Float64Array; slots come from MetricLayout when a plan is prepared.
 * Benchmark: bench/metrics.ts (Bun 1.4.5).
 */
import type { ErrorCode } from "../core/errors.ts";
import {
  ERROR_INDEX,
  LIMIT_INDEX,
  type LimitName,
  type RetryReason,
  retryReasonIndex,
  STATUS_CLASSES,
} from "./label_values.ts";
import type { BackendSlots, FixedSlots, PoolSlots, RouteSlots } from "./metric_layout.ts";

const CLASSES = STATUS_CLASSES.length;

/** Counts a request that has ended. `method` is from `methodIndex`, `klass` from `statusClass`. */
export function countRequest(region: Float64Array, route: RouteSlots, method: number, klass: number): void {
  region[route.http_requests_total + method * CLASSES + klass]!++;
}

/** Counts an attempt on a backend that has ended. `klass` is from `statusClass`, 0 = it gave no answer. */
export function countBackendRequest(region: Float64Array, backend: BackendSlots, klass: number): void {
  region[backend.backend_requests_total + klass]!++;
}

/**
 * Observes a duration. `base` is the slot of a histogram, `boundsMs` the layout's bounds (a value that equals a bound
 * belongs to it). `valueMs` is finite and not negative: a monotonic clock's difference.
 */
export function observeHistogram(
  region: Float64Array,
  base: number,
  boundsMs: Float64Array,
  valueMs: number,
): void {
  const count = boundsMs.length;
  let bucket = 0;
  // From below: most requests end in the first buckets, and then this beats a binary search.
  while (bucket < count && valueMs > boundsMs[bucket]!) bucket++;
  region[base]! += valueMs;
  region[base + 1 + bucket]!++;
}

export function countError(region: Float64Array, fixed: FixedSlots, code: ErrorCode): void {
  region[fixed.request_errors_total + ERROR_INDEX[code]]!++;
}

export function countLimit(region: Float64Array, fixed: FixedSlots, limit: LimitName): void {
  region[fixed.limits_hit_total + LIMIT_INDEX[limit]]!++;
}

export function countRetry(region: Float64Array, pool: PoolSlots, reason: RetryReason): void {
  region[pool.retries_total + retryReasonIndex(reason)]!++;
}

/** Adds to a counter (`amount` above 0) or moves a gauge (any sign). */
export function addTo(region: Float64Array, slot: number, amount: number): void {
  region[slot]! += amount;
}
