/** What has acted and who has done it: revisions, the way back to one of them, and the audit log. */
import { difference, edited } from "../../../../core/redirect/changes/pending.ts";
import { acceptance } from "../../../../core/redirect/checks/acceptance.ts";
import { minHostsOf } from "../../../../core/redirect/checks/settings.ts";
import { readAudit } from "../audit.ts";
import { changeText } from "../editing.ts";
import { giveJson } from "../http/answer.ts";
import type { Call } from "../http/call.ts";
import { type Endpoint, json } from "../http/endpoint.ts";
import {
  LIST_REVISIONS,
  listRevisionRecord,
  type RevisionRecord,
  revisionRecord,
  SETTINGS_RECORD,
} from "../records/kinds.ts";
import { putModel, readRevision, revisionVersions } from "../revisions.ts";
import { ServiceError } from "../service_error.ts";

const MOST_REVISIONS = 50;
const MOST_ENTRIES = 500;

/** Without the model. */
function infoOf({ model: _model, ...info }: RevisionRecord): Omit<RevisionRecord, "model"> {
  return info;
}

/** A number in the query. Throws ServiceError with 400. */
function countIn({ query }: Call, name: string, otherwise: number, most: number): number {
  const given = query.get(name);
  if (given === null) return otherwise;
  if (!/^\d{1,15}$/.test(given))
    throw new ServiceError(400, `${name}: ${JSON.stringify(given)}; expected a whole number`);
  return Math.min(Number(given), most);
}

export const historyEndpoints: readonly Endpoint[] = [
  {
    id: "getRevisions",
    method: "GET",
    path: "/revisions/{app}",
    summary: "Revisions of the model, the latest first: what was changed, by whom, who approved it and why",
    permission: "revisions",
    query: { limit: `How many; ${MOST_REVISIONS} at most.`, before: "Only those with a smaller version." },
    gives: json("The revisions without their models."),
    async handle(call, service) {
      const limit = countIn(call, "limit", 20, MOST_REVISIONS);
      const before = countIn(call, "before", Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
      await service.view(call.app);
      const versions = (await revisionVersions(service.records, call.app)).filter(
        (version) => version < before,
      );
      const revisions = [];
      // One after the other: each has a whole model, which is not kept.
      for (const version of versions.slice(0, limit)) {
        const kept = await service.records.readFresh(revisionRecord(call.app, version));
        // One that was taken away meanwhile is left out.
        if (kept.revision !== null) revisions.push(infoOf(kept.value));
      }
      return giveJson({ revisions });
    },
  },
  {
    id: "getRevision",
    method: "GET",
    path: "/revisions/{app}/{version}",
    summary: "One revision with its model",
    permission: "revisions",
    gives: json("The revision."),
    async handle(call, service) {
      return giveJson(await readRevision(service.records, call.app, call.number("version")));
    },
  },
  {
    id: "compareRevisions",
    method: "GET",
    path: "/revisions/{app}/{version}/difference",
    summary: "What is different between a revision and the model that acts, or another revision",
    permission: "revisions",
    query: { to: "The other revision." },
    gives: json("A list of changes that lead from the revision to the other one."),
    async handle(call, service) {
      const { records } = service;
      const from = await readRevision(records, call.app, call.number("version"));
      const other = countIn(call, "to", -1, Number.MAX_SAFE_INTEGER);
      const to =
        other < 0
          ? (await service.view(call.app)).approved
          : (await readRevision(records, call.app, other)).model;
      const by = { author: call.who.name, at: service.facts.clock.wall() };
      const changes = edited([], from.model, difference(from.model, to), by);
      return giveJson({
        changes: changes.map((change) => ({
          change: changeText(change),
          kind: change.kind,
          id: change.id,
          before: change.before,
          after: change.after,
        })),
      });
    },
  },
  {
    id: "revertToRevision",
    method: "POST",
    path: "/revisions/{app}/{version}/revert",
    summary: "Has the content of a revision act again, as a new revision",
    permission: "changes",
    query: {
      reason: "Why.",
      without_validation: "`true`: also where it cannot redirect; needs `write-approveWithoutValidation`.",
    },
    gives: json("The new version."),
    async handle(call, service) {
      const { records, facts } = service;
      const isValidated = call.query.get("without_validation") !== "true";
      if (!isValidated) call.expectPermission("write", "approveWithoutValidation");
      const from = await readRevision(records, call.app, call.number("version"));
      const stored = await putModel(records, facts, call.app, call.act, {
        action: "revert",
        subject: `as revision ${from.version}`,
        async make() {
          const settings = (await records.read(SETTINGS_RECORD)).value;
          const found = acceptance(from.model, facts.stacks(call.app), minHostsOf(settings, call.app));
          if (isValidated && found.code !== "SUCCESS")
            throw new ServiceError(400, `${found.code}: ${found.message}`, { code: found.code });
          return from.model;
        },
      });
      return giveJson({ version: stored.version });
    },
  },
  {
    id: "getListRevisions",
    method: "GET",
    path: "/listRevisions",
    summary: "Revisions of the named lists, the latest first",
    permission: "revisions",
    query: { limit: `How many; ${MOST_REVISIONS} at most.` },
    gives: json("The revisions without the lists."),
    async handle(call, service) {
      const limit = countIn(call, "limit", 20, MOST_REVISIONS);
      const versions = (await service.records.names(LIST_REVISIONS)).map(Number).toReversed();
      const revisions = [];
      for (const version of versions.slice(0, limit)) {
        const { value, revision } = await service.records.readFresh(listRevisionRecord(version));
        const { lists: _lists, ...info } = value;
        if (revision !== null) revisions.push(info);
      }
      return giveJson({ revisions });
    },
  },
  {
    id: "revertLists",
    method: "POST",
    path: "/listRevisions/{version}/revert",
    summary: "Has the lists of a revision act again, as a new revision",
    permission: "changes",
    query: { reason: "Why." },
    gives: json("The new version."),
    async handle(call, service) {
      const version = call.number("version");
      const { value, revision } = await service.records.readFresh(listRevisionRecord(version));
      if (revision === null) throw new ServiceError(404, `there is no revision ${version} of the lists`);
      const allowed = (name: string): void => call.expectPermission("read", "namespacedLists", name);
      const view = await service.lists.revert(call.act, value.lists, version, allowed);
      return giveJson({ version: view.lists.value.version });
    },
  },
  {
    id: "getAudit",
    method: "GET",
    path: "/audit",
    summary:
      "Who has done what, the latest first; `is_intact` is false where an entry was changed or taken away",
    permission: "audit",
    query: {
      app: "Only about this application.",
      before: "Only entries with a number of at most this.",
      limit: `How many are looked at; ${MOST_ENTRIES} at most.`,
    },
    gives: json("Entries of the audit log; those about applications that one may not see are left out."),
    async handle(call, service) {
      const page = await readAudit(service.records, {
        app: call.query.get("app"),
        maySee: (app) => call.maySee("audit", app),
        before: countIn(call, "before", Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
        limit: countIn(call, "limit", 100, MOST_ENTRIES),
      });
      return giveJson(page);
    },
  },
];
