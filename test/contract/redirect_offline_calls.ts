/** Calls of the endpoints for work without the store; the bundle in them has other URL parameters than the store. */
import { writeJson } from "../../src/core/redirect/documents/kind.ts";
import { type DataSnapshot, dataSnapshotDocument } from "../../src/core/redirect/documents/snapshots.ts";
import { modelOf } from "../../src/core/redirect/test_decider.ts";
import { bundleOf } from "../../src/planes/redirect/service/offline/snapshots.ts";
import type { EndpointCall } from "./redirect_service_calls.ts";

/** `version`: of the model that it was made of. */
const snapshotOf = (version: number): DataSnapshot => ({
  snapshots: [
    {
      application: "a1",
      version,
      model: modelOf(),
      whitelist_updates: [],
      pending: null,
      paths: [],
      stacks: [],
    },
  ],
  applications: ["a1"],
  lists: { version: 0, lists: [] },
  settings: null,
});

const bundle = (version: number): Uint8Array => bundleOf(snapshotOf(version), () => [], 0);
const OFFLINE = "/redirectorOffline";
const UPLOAD = `${OFFLINE}/a1/getOfflinePendingChanges`;
const snapshots = writeJson(dataSnapshotDocument, snapshotOf(1));
const zipped = { type: "application/zip" } as const;

const question = (
  id: string,
  target: string,
  holds: string,
  bad: EndpointCall["bad"] = [],
): EndpointCall[] => [
  { id, target, holds, bad },
  { id: `${id}ByPost`, target, holds, bad },
];
const nobody = (name: string) => [{ target: `${OFFLINE}/nobody/${name}`, status: 404 }];

export const offlineCalls: readonly EndpointCall[] = [
  { id: "getAllSnapshots", target: `${OFFLINE}/allSnapshots`, holds: "people" },
  {
    id: "getModelSnapshot",
    target: `${OFFLINE}/a1/modelSnapshot`,
    holds: "beta",
    bad: nobody("modelSnapshot"),
  },
  { id: "getListsSnapshot", target: `${OFFLINE}/namespaceSnapshot`, holds: "people" },
  { id: "getApplicationsSnapshot", target: `${OFFLINE}/applications`, holds: "a1" },
  { id: "downloadCoreBackup", target: `${OFFLINE}/downloadCoreBackup`, file: "coreBackup.zip" },
  {
    id: "makeCoreBackup",
    target: `${OFFLINE}/downloadCoreBackup`,
    body: snapshots,
    file: "coreBackup.zip",
    bad: [
      { body: "{", status: 400 },
      { body: { snapshots: [{}] }, status: 400 },
      { body: "x", type: "multipart/form-data", status: 400 },
    ],
  },
  {
    id: "uploadCoreBackup",
    target: UPLOAD,
    body: bundle(99),
    ...zipped,
    holds: "pendingChangesStatus",
    bad: [
      { body: "no zip", ...zipped, status: 400 },
      { body: bundle(1), ...zipped, status: 409 },
      { target: `${OFFLINE}/a2/getOfflinePendingChanges`, body: bundle(99), ...zipped, status: 400 },
      { target: `${OFFLINE}/nobody/getOfflinePendingChanges`, body: bundle(99), ...zipped, status: 400 },
      { target: `${UPLOAD}?conflicts=x`, body: bundle(99), ...zipped, status: 400 },
    ],
  },
  ...question("hasAnyOfflineChanges", `${OFFLINE}/hasOfflinePendingChanges`, "true"),
  ...question(
    "hasOfflinePendingChanges",
    `${OFFLINE}/a1/hasOfflinePendingChanges`,
    "false",
    nobody("hasOfflinePendingChanges"),
  ),
  ...question("hasOfflineChanges", `${OFFLINE}/a2/hasOfflineChanges`, "true", nobody("hasOfflineChanges")),
];
