/** What the probes of this run have found of each member: nothing that an earlier run has left counts here. */
import { afterResult, type HealthRecord, type Thresholds } from "../../core/health/record.ts";
import type { Endpoint, Health } from "../../core/model.ts";
import { endpointText } from "../../core/model.ts";

/** One result of a probe. */
export interface Probed {
  readonly healthy: boolean;
  readonly reason: string;
}

/** A member as probes name it: `pool/key`, and where it was probed. */
export interface ProbedMember {
  readonly id: string;
  readonly endpoint: Endpoint;
}

export interface MemberRecord {
  readonly health: Health;
  /** Failures in a row, up to the last result. */
  readonly failures: number;
  /** What the last probe saw, in words; "" before the first. */
  readonly reason: string;
  /** Monotonic time since when it has its health. */
  readonly since_ms: number;
}

interface Entry extends MemberRecord {
  readonly record: HealthRecord;
  readonly endpoint: string;
}

/**
 * The first result decides at once, so that a name is served soon. From then on both directions take as many results in
 * a row as the pool says, also for a member that has never been healthy: a line of the hosts file should not flap.
 */
const BEFORE_THE_FIRST: HealthRecord = { health: "unknown", against: 0, proven: true };
const UNPROBED: MemberRecord = { health: "unknown", failures: 0, reason: "", since_ms: 0 };

export class MemberRecords {
  readonly #entries = new Map<string, Entry>();

  /** Takes a result. Returns true when it may matter to names: another health, or a first time that it has failed enough. */
  probed({ id, endpoint }: ProbedMember, result: Probed, thresholds: Thresholds, now: number): boolean {
    const text = endpointText(endpoint);
    const known = this.#entries.get(id);
    const before = known?.endpoint === text ? known : undefined;
    const record = afterResult(before?.record ?? BEFORE_THE_FIRST, result.healthy, thresholds);
    const failures = result.healthy ? 0 : (before?.failures ?? 0) + 1;
    const isChange = record.health !== before?.health;
    const since_ms = isChange ? now : before.since_ms;
    const { reason } = result;
    this.#entries.set(id, { record, health: record.health, failures, reason, since_ms, endpoint: text });
    return isChange || failures === thresholds.unhealthy_after;
  }

  /** What is known of a member at `endpoint`. */
  of({ id, endpoint }: ProbedMember): MemberRecord {
    const entry = this.#entries.get(id);
    return entry?.endpoint === endpointText(endpoint) ? entry : UNPROBED;
  }

  /** Forgets all members but these. */
  keepOnly(ids: ReadonlySet<string>): void {
    for (const id of this.#entries.keys()) if (!ids.has(id)) this.#entries.delete(id);
  }
}
