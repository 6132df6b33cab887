/** What the service knows, as snapshots, and bundles of them. */
import { pendingDocument } from "../../../../core/redirect/documents/pending_changes.ts";
import type { DataSnapshot, ModelSnapshot } from "../../../../core/redirect/documents/snapshots.ts";
import type { StackHosts } from "../../../../core/redirect/hosts.ts";
import { stackSnapshots } from "../../last_known_good/content.ts";
import { type BundleContent, bundleBytes } from "../../offline/bundle.ts";
import { encodedList } from "../endpoints/list_bodies.ts";
import { whitelistHistory } from "../endpoints/whitelist.ts";
import { LISTS_RECORD, notesRecord, SETTINGS_RECORD } from "../records/kinds.ts";
import type { Service } from "../service.ts";
import { ServiceError } from "../service_error.ts";
import { servicePaths } from "../stack_paths.ts";

/** Rejects with ServiceError: 404 for an application that nobody knows, 503 while the store is away and was never read. */
export async function snapshotOf(service: Service, app: string): Promise<ModelSnapshot> {
  const { records, facts } = service;
  const [view, notes] = await Promise.all([service.view(app), records.read(notesRecord(app))]);
  const { stored, pending, approved, stacks } = view;
  return {
    application: app,
    version: stored.value.version,
    model: approved,
    whitelist_updates: whitelistHistory(
      approved.whitelist,
      notes.value.whitelist_updates,
      facts.clock.wall(),
    ),
    pending: pendingDocument(pending.value.version, pending.value.changes),
    paths: [servicePaths(app, stacks, [], approved.whitelist)],
    stacks: stackSnapshots(app, stacks),
  };
}

/** Rejects as `snapshotOf` does. */
export async function allSnapshots(service: Service): Promise<DataSnapshot> {
  const applications = await service.applications();
  const [snapshots, lists, settings] = await Promise.all([
    Promise.all(applications.map((app) => snapshotOf(service, app))),
    service.records.read(LISTS_RECORD),
    service.records.read(SETTINGS_RECORD),
  ]);
  return { snapshots, applications, lists: lists.value, settings: settings.value };
}

/**
 * The bundle of these snapshots, those without a model left out. Throws ServiceError with 400 where none has one. `hostsOf` gives the
 * hosts of an application whose snapshot has none.
 */
export function bundleOf(
  { snapshots, applications, lists, settings }: DataSnapshot,
  hostsOf: (app: string) => readonly StackHosts[],
  savedAtMs: number,
): Uint8Array {
  const usable = snapshots.filter(({ model }) => model.default_server !== null && model.default_url !== null);
  if (usable.length === 0)
    throw new ServiceError(
      400,
      "no application has a model with a default server and default URL parameters",
    );
  const content: BundleContent = {
    applications,
    models: new Map(usable.map(({ application, model, version }) => [application, { model, version }])),
    lists: { version: lists.version, lists: lists.lists.map(encodedList) },
    settings,
    hosts: new Map(
      usable.map(({ application: app, stacks }) => [app, stacks ?? stackSnapshots(app, hostsOf(app))]),
    ),
    whitelist_updates: new Map(
      usable.map(({ application, whitelist_updates: updates }) => [application, updates]),
    ),
  };
  return bundleBytes(content, savedAtMs);
}
