/** Work without the store: snapshots to take along, bundles for gateways, and the way back into the store. */
import {
  pendingDocument,
  pendingChangesDocument,
} from "../../../../core/redirect/documents/pending_changes.ts";
import { readJson, writeJson } from "../../../../core/redirect/documents/kind.ts";
import { namedListsDocument } from "../../../../core/redirect/documents/named_lists.ts";
import { documentProblemText } from "../../../../core/redirect/documents/reading.ts";
import {
  type DataSnapshot,
  dataSnapshotDocument,
  modelSnapshotDocument,
} from "../../../../core/redirect/documents/snapshots.ts";
import { applicationNamesDocument } from "../../../../core/redirect/documents/service_answers.ts";
import { BUNDLE_FILE } from "../../offline/bundle.ts";
import { expectAllowed } from "../access/principal.ts";
import { listChangeType } from "../editing.ts";
import { asFile, giveJson, giveText, type ServiceAnswer } from "../http/answer.ts";
import type { Call } from "../http/call.ts";
import { document, type Endpoint, json, type Method, text, zip } from "../http/endpoint.ts";
import type { Preference } from "../offline/difference.ts";
import { type Imported, importBundle } from "../offline/import.ts";
import { allSnapshots, bundleOf, listsSnapshot, snapshotOf } from "../offline/snapshots.ts";
import { bundleIn, uploadedFile, uploadedText } from "../offline/uploaded.ts";
import { LIST_CHANGES_RECORD, pendingRecord } from "../records/kinds.ts";
import type { Service } from "../service.ts";
import { ServiceError } from "../service_error.ts";

const PERMISSION = "backups";

function expectReadable(call: Call, app: string): void {
  expectAllowed(call.who, { mode: "read", endpoint: PERMISSION, entity: null, app });
}

/** Throws ServiceError with 403 for whoever may not read all applications and lists: half of them is worse than none. */
function expectAll(call: Call, { applications, lists: { lists } }: DataSnapshot): void {
  for (const app of applications) expectReadable(call, app);
  for (const { name } of lists) call.expectPermission("read", "namespacedLists", name);
}

async function readableSnapshots(call: Call, service: Service): Promise<DataSnapshot> {
  const all = await allSnapshots(service);
  expectAll(call, all);
  return all;
}

function bundleAnswer(service: Service, snapshot: DataSnapshot): ServiceAnswer {
  const { facts } = service;
  const body = bundleOf(snapshot, (app) => facts.stacks(app), facts.clock.wall());
  return asFile({ status: 200, type: "application/zip", body }, BUNDLE_FILE);
}

/** The snapshots in the form. Throws ServiceError with 400. */
function snapshotsIn(text: string): DataSnapshot {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ServiceError(400, "snapshots: is no JSON");
  }
  const read = readJson(dataSnapshotDocument, value);
  if (read.value !== null && read.problems.length === 0) return read.value;
  const messages = read.problems.map((problem) => `snapshots: ${documentProblemText(problem)}`);
  throw new ServiceError(400, messages.join("\n"), {
    problems: messages.map((message) => ({ code: null, message })),
  });
}

function preferenceIn({ query }: Call): Preference | null {
  const given = query.get("conflicts");
  if (given === null || given === "store" || given === "bundle") return given;
  throw new ServiceError(400, `conflicts: ${JSON.stringify(given)}; expected store or bundle`);
}

/** In the original's form, with what it does not know beside it. */
function importedForm({ pending, list_changes, base_version, model_version, conflicts }: Imported): object {
  const changes = pendingDocument(pending.version, pending.offline?.changes ?? []);
  return {
    pendingChangesStatus: writeJson(pendingChangesDocument, changes),
    namespaceChangesStatus: {
      version: list_changes.version,
      namespaceChanges: (list_changes.offline ?? []).map((change) => ({
        name: change.name,
        changeType: listChangeType(change),
      })),
    },
    base_version,
    model_version,
    conflicts,
  };
}

async function hasOffline(service: Service, app: string | null, withLists: boolean): Promise<boolean> {
  const { records } = service;
  if (app !== null) await service.view(app);
  const apps = app === null ? await service.applications() : [app];
  const pending = await Promise.all(apps.map((each) => records.read(pendingRecord(each))));
  if (pending.some(({ value }) => value.offline !== null)) return true;
  return withLists && (await records.read(LIST_CHANGES_RECORD)).value.offline !== null;
}

/** The original asks by POST; here both do. */
function questionEndpoints(
  id: string,
  path: string,
  summary: string,
  ask: (call: Call, service: Service) => Promise<boolean>,
): Endpoint[] {
  return (["GET", "POST"] as const satisfies readonly Method[]).map((method) => ({
    id: method === "GET" ? id : `${id}ByPost`,
    method,
    path,
    summary,
    permission: "changes",
    mode: "read",
    gives: text("`true` or `false`."),
    async handle(call, service) {
      return giveText(String(await ask(call, service)));
    },
  }));
}

const snapshotEndpoints: readonly Endpoint[] = [
  {
    id: "getAllSnapshots",
    method: "GET",
    path: "/redirectorOffline/allSnapshots",
    summary: "All models, lists and settings in one document; needs the right to read each of them",
    permission: PERMISSION,
    gives: document("The snapshots."),
    async handle(call, service) {
      return call.give(dataSnapshotDocument, await readableSnapshots(call, service));
    },
  },
  {
    id: "getModelSnapshot",
    method: "GET",
    path: "/redirectorOffline/{app}/modelSnapshot",
    summary: "All that is known of one application",
    permission: PERMISSION,
    gives: document("The snapshot."),
    async handle(call, service) {
      return call.give(modelSnapshotDocument, await snapshotOf(service, call.app));
    },
  },
  {
    id: "getListsSnapshot",
    method: "GET",
    path: "/redirectorOffline/namespaceSnapshot",
    summary: "All named lists; needs the right to read each of them",
    permission: PERMISSION,
    gives: document("The lists."),
    async handle(call, service) {
      const value = await listsSnapshot(service);
      for (const { name } of value.lists) call.expectPermission("read", "namespacedLists", name);
      return call.give(namedListsDocument, value);
    },
  },
  {
    id: "getApplicationsSnapshot",
    method: "GET",
    path: "/redirectorOffline/applications",
    summary: "Names of all applications",
    permission: PERMISSION,
    gives: document("Those of them that one may see."),
    async handle(call, service) {
      const names = await service.applications();
      return call.give(
        applicationNamesDocument,
        names.filter((app) => call.maySee(PERMISSION, app)),
      );
    },
  },
];

const bundleEndpoints: readonly Endpoint[] = [
  {
    id: "downloadCoreBackup",
    method: "GET",
    path: "/redirectorOffline/downloadCoreBackup",
    summary: "What acts now, as a bundle for gateways that start without the store",
    permission: PERMISSION,
    gives: zip(`The file ${BUNDLE_FILE}, with checksums.`),
    async handle(call, service) {
      return bundleAnswer(service, await readableSnapshots(call, service));
    },
  },
  {
    id: "makeCoreBackup",
    method: "POST",
    path: "/redirectorOffline/downloadCoreBackup",
    summary:
      "Makes a bundle for gateways of snapshots that were changed offline; without them, of what acts now",
    permission: PERMISSION,
    mode: "read",
    takes: {
      description: "Snapshots as JSON, by themselves or as the field `snapshots` of a form; or nothing.",
      types: ["multipart/form-data", "application/x-www-form-urlencoded", "application/json"],
    },
    gives: zip(`The file ${BUNDLE_FILE}, with checksums.`),
    async handle(call, service) {
      const given = uploadedText(call, "snapshots");
      if (given === null) return bundleAnswer(service, await readableSnapshots(call, service));
      const snapshot = snapshotsIn(given);
      // The bundle gets hosts of applications whose snapshots have none.
      for (const { application: app } of snapshot.snapshots) expectReadable(call, app);
      return bundleAnswer(service, snapshot);
    },
  },
  {
    id: "uploadCoreBackup",
    method: "POST",
    path: "/redirectorOffline/{app}/getOfflinePendingChanges",
    summary:
      "Takes a bundle back: what was changed in it waits for approval, and nothing else can be saved until that is decided",
    permission: PERMISSION,
    takes: {
      description: "The bundle by itself, or as the field `file` of a form.",
      types: ["application/zip", "multipart/form-data"],
    },
    query: {
      merge:
        "`true`: also where the store has a newer model than the bundle; what was changed in the bundle is taken into it.",
      conflicts:
        "`store` or `bundle`: whose change counts where both have changed the same; else 409 names them.",
      reason: "Why; stands in the audit log.",
    },
    gives: json("The changes in the original's form, versions and conflicts."),
    async handle(call, service) {
      const preference = preferenceIn(call);
      const file = uploadedFile(call, "file");
      const bundle = bundleIn(file, call.app, service.facts.max_model_bytes);
      const merge = call.query.get("merge") === "true";
      return giveJson(
        importedForm(await importBundle(service, call.app, call.act, { bundle, merge, preference })),
      );
    },
  },
];

export const offlineEndpoints: readonly Endpoint[] = [
  ...snapshotEndpoints,
  ...bundleEndpoints,
  ...questionEndpoints(
    "hasAnyOfflineChanges",
    "/redirectorOffline/hasOfflinePendingChanges",
    "Whether changes that were made offline wait anywhere: of an application or of lists",
    (_call, service) => hasOffline(service, null, true),
  ),
  ...questionEndpoints(
    "hasOfflinePendingChanges",
    "/redirectorOffline/{app}/hasOfflinePendingChanges",
    "Whether changes of an application's model that were made offline wait",
    (call, service) => hasOffline(service, call.app, false),
  ),
  ...questionEndpoints(
    "hasOfflineChanges",
    "/redirectorOffline/{app}/hasOfflineChanges",
    "Whether changes of an application's model, or of lists, that were made offline wait",
    (call, service) => hasOffline(service, call.app, true),
  ),
];
