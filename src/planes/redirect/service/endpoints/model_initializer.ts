/** Applications without a model, and the first one of each. */
import {
  firstModelDetailsDocument,
  modelStatesDocument,
} from "../../../../core/redirect/documents/service_answers.ts";
import { acceptance } from "../../../../core/redirect/checks/acceptance.ts";
import { minHostsOf } from "../../../../core/redirect/checks/settings.ts";
import { firstModel, firstModelDetails, hasValidModel } from "../first_model.ts";
import { giveJson, giveText } from "../http/answer.ts";
import { document, type Endpoint, json, text } from "../http/endpoint.ts";
import { SETTINGS_RECORD } from "../records/kinds.ts";
import { putModel } from "../revisions.ts";
import { ServiceError } from "../service_error.ts";

const PERMISSION = "modelInitializer";

export const modelInitializerEndpoints: readonly Endpoint[] = [
  {
    id: "getModelStates",
    method: "GET",
    path: "/redirectorInitModel",
    summary: "Which applications have a model that can redirect",
    permission: PERMISSION,
    gives: document("Those of them that one may see."),
    async handle(call, service) {
      const names = (await service.applications()).filter((app) => call.maySee(PERMISSION, app));
      const states = names.map(async (application) => ({
        application,
        is_active: await hasValidModel(service.records, await service.view(application)),
      }));
      return call.give(modelStatesDocument, await Promise.all(states));
    },
  },
  {
    id: "startRedirection",
    method: "POST",
    path: "/redirectorInitModel/{app}",
    summary:
      "Makes the first model of an application, which acts at once: all clients to its first stack with hosts",
    permission: PERMISSION,
    query: { reason: "Why." },
    gives: json("The version of the model; 409 where there is one."),
    status: 201,
    async handle(call, service) {
      const { records, facts } = service;
      const stored = await putModel(records, facts, call.app, call.act, {
        action: "start redirection",
        subject: "the first model",
        async make() {
          const view = await service.view(call.app);
          if (view.stored.revision !== null)
            throw new ServiceError(409, `${call.app} has a model; expected an application without one`);
          const model = firstModel(view);
          const settings = (await records.read(SETTINGS_RECORD)).value;
          const { code, message } = acceptance(model, view.stacks, minHostsOf(settings, call.app));
          if (code !== "SUCCESS") throw new ServiceError(400, `${code}: ${message}`, { code });
          return model;
        },
      });
      return giveJson({ version: stored.version }, 201);
    },
  },
  {
    id: "validateFirstModel",
    method: "GET",
    path: "/redirectorInitModel/{app}/validate",
    summary: "Whether redirection can be started: false where there is a model, 503 while there are no hosts",
    permission: PERMISSION,
    gives: text("`true` or `false`."),
    async handle(call, service) {
      const view = await service.view(call.app);
      if (view.stored.revision !== null) return giveText("false");
      firstModel(view);
      return giveText("true");
    },
  },
  {
    id: "hasAnyValidModel",
    method: "GET",
    path: "/redirectorInitModel/validModelExists",
    summary: "Whether any application has a model that can redirect",
    permission: PERMISSION,
    gives: text("`true` or `false`."),
    async handle(call, service) {
      const names = (await service.applications()).filter((app) => call.maySee(PERMISSION, app));
      const found = names.map(async (app) => hasValidModel(service.records, await service.view(app)));
      return giveText(String((await Promise.all(found)).includes(true)));
    },
  },
  {
    id: "hasValidModel",
    method: "GET",
    path: "/redirectorInitModel/validModelExists/{app}",
    summary: "Whether an application has a model that can redirect",
    permission: PERMISSION,
    gives: text("`true` or `false`."),
    async handle(call, service) {
      return giveText(String(await hasValidModel(service.records, await service.view(call.app))));
    },
  },
  {
    id: "getFirstModelDetails",
    method: "GET",
    path: "/redirectorInitModel/defaultModelConstructionDetails/{app}",
    summary: "What the first model of an application would be",
    permission: PERMISSION,
    gives: document("Stack, flavor, parts of the URL, and where clients would be sent."),
    async handle(call, service) {
      return call.give(firstModelDetailsDocument, firstModelDetails(await service.view(call.app)));
    },
  },
];
