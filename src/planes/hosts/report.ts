/** How the names stand, for people and machines. */
import { backendName } from "../../core/health/members.ts";
import type { Health } from "../../core/model.ts";
import type { HostsPlan } from "../../core/plan.ts";
import type { HostName, NameState } from "./host_name.ts";

export interface CandidateReport {
  readonly backend: string;
  /** Null while the backend's own name has none. */
  readonly address: string | null;
  readonly zone: string | null;
  readonly health: Health;
  /** What the last probe saw; "" before the first. */
  readonly reason: string;
  readonly in_use: boolean;
}

export interface NameReport {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly pool: string;
  readonly state: NameState;
  /** What it leads to, best first; null = what stands in the file is not known. */
  readonly addresses: readonly string[] | null;
  /** Since when, in ISO 8601. */
  readonly since: string;
  readonly candidates: readonly CandidateReport[];
}

export interface HostsReport {
  /** Null without a section `hosts`. */
  readonly file: string | null;
  /** How it is written; null before that is known. */
  readonly write: "rename" | "in_place" | null;
  readonly dry_run: boolean;
  /** Why the last write has failed, or null. */
  readonly problem: string | null;
  readonly last_write: { readonly at: string; readonly bytes: number } | null;
  readonly dns: { readonly host: string; readonly port: number } | null;
  readonly names: readonly NameReport[];
}

export interface ReportNeeds {
  readonly plan: HostsPlan | null;
  readonly way: HostsReport["write"];
  readonly problem: string | null;
  readonly last_write: HostsReport["last_write"];
  readonly dns: HostsReport["dns"];
  /** The calendar time of a monotonic one. */
  readonly timeOf: (at_ms: number) => string;
}

export function hostsReport(names: readonly HostName[], needs: ReportNeeds): HostsReport {
  const { plan, way, problem, last_write, dns, timeOf } = needs;
  return {
    file: plan?.file ?? null,
    write: way,
    dry_run: plan?.dry_run ?? false,
    problem,
    last_write,
    dns,
    names: names.map((name) => nameReport(name, timeOf)),
  };
}

function nameReport(name: HostName, timeOf: ReportNeeds["timeOf"]): NameReport {
  const { plan, state, addresses } = name;
  return {
    name: plan.name,
    aliases: plan.aliases,
    pool: plan.pool,
    state,
    addresses,
    since: timeOf(name.changed_at_ms),
    candidates: candidateReports(name),
  };
}

/** All that the name could lead to, best first; behind them the backends whose own names have no address. */
export function candidateReports(name: HostName): CandidateReport[] {
  const known = name.candidates().map(({ key, address, backend: { zone }, health, reason, in_use }) => ({
    backend: key,
    address,
    zone,
    health,
    reason,
    in_use,
  }));
  const unresolved = name.unresolved.map((backend) => ({
    backend: backend.id,
    address: null,
    zone: backend.zone,
    health: "unknown" as const,
    reason: `${backendName(backend)} has no address`,
    in_use: false,
  }));
  return [...known, ...unresolved];
}
