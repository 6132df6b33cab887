/** Which applications there are, and which gateways decide for them. */
import {
  applicationNamesDocument,
  instancesDocument,
} from "../../../../core/redirect/documents/service_answers.ts";
import { document, type Endpoint } from "../http/endpoint.ts";
import { liveGateways, originalInstances } from "../live_gateways.ts";

const PERMISSION = "redirectorService";

export const applicationEndpoints: readonly Endpoint[] = [
  {
    id: "getApplicationNames",
    method: "GET",
    path: "/redirectorService/applicationNames",
    summary: "Applications that have a model, changes or hosts, or stand in the configuration",
    permission: PERMISSION,
    gives: document("Those of them that one may see."),
    async handle(call, service) {
      const names = (await service.applications()).filter((app) => call.maySee(PERMISSION, app));
      return call.give(applicationNamesDocument, names);
    },
  },
  {
    id: "getRegisteredApplications",
    method: "GET",
    path: "/redirectorService/getAllRegisteredApps",
    summary: "Applications that have hosts, or stand in the configuration",
    permission: PERMISSION,
    gives: document("Those of them that one may see."),
    handle(call, { facts }) {
      const names = facts.applications().filter((app) => call.maySee(PERMISSION, app));
      return call.give(applicationNamesDocument, names.toSorted());
    },
  },
  {
    id: "getInstances",
    method: "GET",
    path: "/redirectorService/{app}/instances",
    summary: "Gateways that decide for an application now",
    permission: PERMISSION,
    gives: document("Their names."),
    async handle(call, service) {
      await service.view(call.app);
      const gateways = await liveGateways(service.records);
      const names = gateways.filter(({ apps }) => Object.hasOwn(apps, call.app)).map(({ id }) => id);
      const originals = await originalInstances(service.records, call.app);
      return call.give(instancesDocument, [...new Set([...names, ...originals])].toSorted());
    },
  },
];
