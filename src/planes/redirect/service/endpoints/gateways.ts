/** Which gateways live, and by which versions they decide. */
import { GATEWAYS, type GatewayReport } from "../../gateway_acks.ts";
import { giveJson } from "../http/answer.ts";
import { type Endpoint, json } from "../http/endpoint.ts";
import { modelRecord } from "../records/kinds.ts";
import type { Service } from "../service.ts";

/** The latest report of each living gateway, by id. Rejects with ServiceError 503. */
export async function gatewayReports({ records }: Service): Promise<GatewayReport[]> {
  const latest = new Map<string, GatewayReport>();
  for (const name of await records.names(GATEWAYS)) {
    const node = await records.node(`${GATEWAYS}/${name}`);
    const report = node === null ? null : reportIn(node.value);
    if (report === null) continue;
    const other = latest.get(report.id);
    if (other === undefined || other.at <= report.at) latest.set(report.id, report);
  }
  return [...latest.values()].toSorted((one, other) => (one.id < other.id ? -1 : 1));
}

/** Null for what a program of another version, or nobody of us, has left there. */
function reportIn(bytes: Uint8Array): GatewayReport | null {
  try {
    const report = JSON.parse(new TextDecoder().decode(bytes)) as GatewayReport;
    return typeof report.id === "string" && typeof report.apps === "object" ? report : null;
  } catch {
    return null;
  }
}

export const gatewayEndpoints: readonly Endpoint[] = [
  {
    id: "getGateways",
    method: "GET",
    path: "/gateways",
    summary: "Living gateways with the versions of the models that they have told their workers of",
    permission: "gateways",
    gives: json("The gateways, the versions that are approved, and whether all gateways have them."),
    async handle(_call, service) {
      const gateways = await gatewayReports(service);
      const apps = await service.applications();
      const versions = await Promise.all(
        apps.map(async (app) => [app, (await service.records.read(modelRecord(app))).value.version] as const),
      );
      const approved = Object.fromEntries(versions.filter(([, version]) => version > 0));
      const isConverged = gateways.every(({ apps: acting }) =>
        Object.entries(approved).every(([app, version]) => acting[app] === version),
      );
      return giveJson({ gateways, approved, is_converged: isConverged });
    },
  },
];
