/** Which gateways live, and by which versions they decide. */
import { giveJson } from "../http/answer.ts";
import { type Endpoint, json } from "../http/endpoint.ts";
import { liveGateways } from "../live_gateways.ts";
import { modelRecord } from "../records/kinds.ts";

const PERMISSION = "gateways";

export const gatewayEndpoints: readonly Endpoint[] = [
  {
    id: "getGateways",
    method: "GET",
    path: "/gateways",
    summary: "Living gateways with the versions of the models that they have told their workers of",
    permission: PERMISSION,
    gives: json("The gateways, the versions that are approved, and whether all gateways have them."),
    async handle(call, service) {
      const apps = (await service.applications()).filter((app) => call.maySee(PERMISSION, app));
      const gateways = (await liveGateways(service.records)).map((gateway) => {
        const shown = Object.entries(gateway.apps).filter(([app]) => call.maySee(PERMISSION, app));
        return { ...gateway, apps: Object.fromEntries(shown) };
      });
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
