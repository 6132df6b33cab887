/** The numbers that the demo shows, read from the metrics page as any scraper would. */

/** What the metrics page said at one moment. */
export interface Counts {
  readonly atMs: number;
  readonly requests: number;
  readonly errors: number;
  readonly connections: number;
  /** Requests that took at most so many seconds, in rising order; the last bound is Infinity. */
  readonly buckets: readonly (readonly [bound: number, count: number])[];
  readonly backends: readonly BackendCounts[];
}

export interface BackendCounts {
  readonly id: string;
  readonly requests: number;
  /** Null before the first result of its health check. */
  readonly healthy: boolean | null;
}

const SAMPLE = /^fairlead_(\w+?)(?:\{(.*)\})? (\S+)$/gm;
const LABEL = /(\w+)="([^"]*)"/g;

/** Reads a metrics page with the default prefix. Backends appear in the order of the page. */
export function readCounts(page: string, atMs: number): Counts {
  const buckets = new Map<number, number>();
  const backends = new Map<string, { id: string; requests: number; healthy: boolean | null }>();
  const backend = (id: string) => {
    const found = backends.get(id) ?? { id, requests: 0, healthy: null };
    backends.set(id, found);
    return found;
  };
  let requests = 0;
  let errors = 0;
  let connections = 0;
  for (const [, name, labelText = "", valueText] of page.matchAll(SAMPLE)) {
    const labels = Object.fromEntries([...labelText.matchAll(LABEL)].map(([, key, text]) => [key, text]));
    const value = Number(valueText);
    const id = labels["backend"] ?? "";
    if (name === "http_requests_total") requests += value;
    else if (name === "request_errors_total") errors += value;
    else if (name === "connections_open") connections += value;
    else if (name === "backend_connections_open") backend(id);
    else if (name === "backend_requests_total") backend(id).requests += value;
    else if (name === "backend_healthy") backend(id).healthy = value === 1;
    else if (name === "http_request_duration_seconds_bucket") {
      const bound = labels["le"] === "+Inf" ? Infinity : Number(labels["le"]);
      buckets.set(bound, (buckets.get(bound) ?? 0) + value);
    }
  }
  return {
    atMs,
    requests,
    errors,
    connections,
    buckets: [...buckets].toSorted(([a], [b]) => a - b),
    backends: [...backends.values()],
  };
}

/** Events per second of a count between two moments. */
export function rate(before: Counts, after: Counts, of: (counts: Counts) => number): number {
  const seconds = (after.atMs - before.atMs) / 1_000;
  return seconds > 0 ? (of(after) - of(before)) / seconds : 0;
}

/**
 * The bound in seconds that the share `share` of the requests between two moments stayed below, null without requests.
 * A histogram knows no more than its bounds.
 */
export function quantileBound(before: Counts, after: Counts, share: number): number | null {
  const earlier = new Map(before.buckets);
  const counts = after.buckets.map(([bound, count]) => [bound, count - (earlier.get(bound) ?? 0)] as const);
  const total = counts.at(-1)?.[1] ?? 0;
  if (total <= 0) return null;
  return counts.find(([, count]) => count >= total * share)![0];
}
