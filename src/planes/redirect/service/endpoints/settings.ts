/** Settings that all applications share. */
import { settingsProblems } from "../../../../core/redirect/checks/settings.ts";
import { settingsDocument } from "../../../../core/redirect/documents/service_documents.ts";
import { auditOperations } from "../audit.ts";
import { refuseErrors } from "../editing.ts";
import { document, type Endpoint } from "../http/endpoint.ts";
import { SETTINGS_RECORD } from "../records/kinds.ts";
import { recordWrite } from "../records/records.ts";

export const settingsEndpoints: readonly Endpoint[] = [
  {
    id: "getSettings",
    method: "GET",
    path: "/settings/redirectorConfig",
    summary: "How many hosts a model must have",
    permission: "settings",
    gives: document("The settings."),
    async handle(call, service) {
      return call.give(settingsDocument, (await service.records.read(SETTINGS_RECORD)).value);
    },
  },
  {
    id: "saveSettings",
    method: "POST",
    path: "/settings/redirectorConfig",
    summary: "Sets how many hosts a model must have; acts at once",
    permission: "settings",
    takes: document("The settings."),
    gives: document("The settings as they are now."),
    status: 201,
    async handle(call, service) {
      const given = call.document(settingsDocument);
      refuseErrors(settingsProblems(given));
      const { records, facts } = service;
      const saved = await records.change(async () => {
        const { value, revision } = await records.readFresh(SETTINGS_RECORD);
        const next = { ...given, version: value.version + 1 };
        return {
          writes: [recordWrite(SETTINGS_RECORD, next, revision)],
          operations: await auditOperations(records, {
            at: facts.clock.wall(),
            who: call.who.name,
            action: "settings",
            app: null,
            subject: `min_hosts ${next.min_hosts}, app_min_hosts ${next.app_min_hosts}`,
            reason: call.act.reason,
          }),
          result: next,
        };
      });
      return call.give(settingsDocument, saved, 201);
    },
  },
];
