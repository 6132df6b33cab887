/** Versions that gateways of the original poll, and the orders to take a model or hosts anew. */
import { giveText } from "../http/answer.ts";
import { type Endpoint, text } from "../http/endpoint.ts";
import { auditOperations } from "../audit.ts";
import { reloadRecord } from "../records/kinds.ts";
import { recordWrite } from "../records/records.ts";
import { putModel } from "../revisions.ts";
import { ServiceError } from "../service_error.ts";

export const reloadEndpoints: readonly Endpoint[] = [
  {
    id: "getModelVersion",
    method: "GET",
    path: "/modelReload/getVersion/{app}",
    summary: "Version of the model that acts",
    permission: "modelReload",
    gives: text("A whole number."),
    async handle(call, service) {
      await service.view(call.app);
      return giveText(String(await service.readVersion({ model: call.app })));
    },
  },
  {
    id: "reloadModel",
    method: "POST",
    path: "/modelReload/{app}",
    summary:
      "Gives the model another version, so that gateways take it, and hosts of a static application, anew",
    permission: "modelReload",
    gives: text("The new version."),
    async handle(call, service) {
      const { version } = await putModel(service.records, service.facts, call.app, call.act, {
        action: "reload",
        make(current, version) {
          if (version === 0) throw new ServiceError(404, `${call.app} has no approved model`);
          return current;
        },
        subject: "the same model again",
      });
      return giveText(String(version));
    },
  },
  {
    id: "getStacksVersion",
    method: "GET",
    path: "/stacksReload/getVersion/{app}",
    summary: "How often hosts of a static application were ordered to be taken anew",
    permission: "stacksReload",
    gives: text("A whole number."),
    async handle(call, service) {
      await service.view(call.app);
      return giveText(String(await service.readVersion({ stacks: call.app })));
    },
  },
  {
    id: "reloadStacks",
    method: "POST",
    path: "/stacksReload/{app}",
    summary: "Has gateways take the hosts of a static application anew",
    permission: "stacksReload",
    gives: text("The new version."),
    async handle(call, service) {
      const { app, act } = call;
      await service.view(app);
      const version = await service.records.change(async () => {
        const { value, revision } = await service.records.readFresh(reloadRecord(app));
        const next = { version: value.version + 1 };
        return {
          writes: [recordWrite(reloadRecord(app), next, revision)],
          operations: await auditOperations(service.records, {
            at: service.facts.clock.wall(),
            who: act.who.name,
            action: "reload stacks",
            app,
            subject: `stacks ${next.version}`,
            reason: act.reason,
          }),
          result: next.version,
        };
      });
      return giveText(String(version));
    },
  },
];
