import { operation } from "../operation.ts";
import { poolReports } from "../pool_reports.ts";
import { adminHealth } from "../schemas.ts";

export const adminHealthOperation = operation({
  id: "getAdminHealth",
  method: "GET",
  paths: ["/admin/health"],
  summary: "State of the program and of every pool",
  answers: { 200: { description: "Also while it drains.", schema: adminHealth, isResource: true } },
  handle(_request, services) {
    const { version, since } = services.health();
    const { state, workers, degraded_files, last_reload } = services.vitals();
    const snapshot = services.snapshot();
    const pools = poolReports(snapshot, services.backends.reports());
    const { generation } = snapshot;
    return {
      status: 200,
      isResource: true,
      body: { state, workers, degraded_files, last_reload, version, since, generation, pools },
    };
  },
});
