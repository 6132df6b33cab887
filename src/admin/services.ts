/** What operations of the admin API ask and order. */
import type { Explanation } from "../core/explain/answer.ts";
import type { ExplainQuestion } from "../core/explain/question.ts";
import type { SettingReport } from "../core/setting.ts";
import type { Snapshot } from "../core/snapshot.ts";
import type { BackendOverrides } from "./backend_overrides.ts";
import type { HealthReport } from "./health.ts";
import type { AdminRequest } from "./request.ts";
import type { DryRunReport, HostsReport, ReloadReport, StatusReport, VitalsReport } from "./schemas.ts";

export interface MetricsText {
  readonly type: string;
  readonly text: string;
}

export type MetricsRequest = Pick<AdminRequest, "accept" | "askedAt" | "isGone">;

export interface AdminServices {
  health(): HealthReport;
  /** All metrics for a request. */
  metrics(request: MetricsRequest): Promise<MetricsText>;
  /** Known at once, without asking workers. */
  vitals(): VitalsReport;
  status(): Promise<StatusReport>;
  /** The names of the hosts file. */
  hosts(): HostsReport;
  snapshot(): Snapshot;
  readonly backends: Pick<BackendOverrides, "list" | "reports" | "find" | "reportOf" | "change">;
  /** Every setting that acts, without secrets. */
  settings(): readonly SettingReport[];
  /** Reloads for `by`, unless another generation than `generation` acts by then. */
  reload(order: { readonly by: string; readonly generation?: number }): Promise<ReloadReport>;
  dryRun(): Promise<DryRunReport>;
  /** The way of a request through one of the workers. Rejects with QuestionError for what cannot be asked. */
  explain(question: ExplainQuestion): Promise<Explanation>;
}
