/** Default URL parameters: what holds where no URL rule says anything. */
import { ONLY_ID } from "../../../../core/redirect/changes/entities.ts";
import { defaultUrlProblems } from "../../../../core/redirect/checks/url_params.ts";
import {
  defaultUrlDocument,
  savedDefaultUrlDocument,
} from "../../../../core/redirect/documents/url_params.ts";
import { expectVersion, MODEL_VERSION_QUERY } from "../current_version.ts";
import { document, type Endpoint } from "../http/endpoint.ts";
import { ServiceError } from "../service_error.ts";
import { giveSaved } from "./saved.ts";

export const urlParamsEndpoints: readonly Endpoint[] = [
  {
    id: "getDefaultUrlParams",
    method: "GET",
    path: "/urlRules/{app}/defaultUrlParams",
    summary: "The approved default URL parameters",
    permission: "urlRules",
    query: MODEL_VERSION_QUERY,
    gives: document("The parameters."),
    async handle(call, service) {
      const view = await service.view(call.app);
      expectVersion(call, view);
      const { default_url } = view.approved;
      if (default_url === null) throw new ServiceError(404, `${call.app} has no default URL parameters`);
      return call.give(defaultUrlDocument, default_url);
    },
  },
  {
    id: "saveDefaultUrlParams",
    method: "POST",
    path: "/urlRules/{app}/urlParams/default",
    summary: "Saves the default URL parameters as a pending change",
    permission: "urlRules",
    takes: document("The parameters: all four of them."),
    gives: document("The parameters as they were saved."),
    status: 201,
    async handle(call, service) {
      const value = call.document(savedDefaultUrlDocument);
      const saved = await service.editing.save(call.app, call.act, () => ({
        edits: [{ kind: "default_url", id: ONLY_ID, value }],
        problems: defaultUrlProblems(value),
      }));
      return giveSaved(call.give(defaultUrlDocument, value, 201), saved);
    },
  },
];
