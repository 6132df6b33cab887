/** What the service knows, as snapshots, and bundles of them. */
import { DEFAULT_SETTINGS } from "../../../../core/redirect/checks/settings.ts";
import { pendingDocument } from "../../../../core/redirect/documents/pending_changes.ts";
import type { DataSnapshot, ModelSnapshot } from "../../../../core/redirect/documents/snapshots.ts";
import type { StackHosts } from "../../../../core/redirect/hosts.ts";
import { stackSnapshots } from "../../last_known_good/content.ts";
import { type BundleContent, bundleBytes } from "../../offline/bundle.ts";
import { encodedList } from "../endpoints/list_bodies.ts";
import { whitelistHistory } from "../endpoints/whitelist.ts";
import type { StoredLists } from "../../models/stored.ts";
import { LISTS_RECORD, modelRecord, notesRecord, pendingRecord, SETTINGS_RECORD } from "../records/kinds.ts";
import type { Kept } from "../records/record.ts";
import type { Service } from "../service.ts";
import { ServiceError } from "../service_error.ts";
import { servicePaths } from "../stack_paths.ts";

/**
 * While the store is away: what was read of it last, or what acts in the gateway beside the service. Rejects with ServiceError: 404 for
 * an application that nobody knows, 503 where nothing of it is known.
 */
export async function snapshotOf(service: Service, app: string): Promise<ModelSnapshot> {
  const { records, facts } = service;
  const [stored, pending, notes] = await Promise.all([
    readOr(records.read(modelRecord(app)), () => facts.known()?.models.get(app)),
    readOr(records.read(pendingRecord(app)), () => null),
    readOr(records.read(notesRecord(app)), () => null),
  ]);
  if (stored.version === 0 && !facts.applications().includes(app))
    throw new ServiceError(404, `Application not found: ${app}`);
  const { version, model } = stored;
  const stacks = facts.stacks(app);
  return {
    application: app,
    version,
    model,
    whitelist_updates: whitelistHistory(model.whitelist, notes?.whitelist_updates ?? [], facts.clock.wall()),
    pending: pending === null ? null : pendingDocument(pending.version, pending.changes),
    paths: [servicePaths(app, stacks, [], model.whitelist)],
    stacks: stackSnapshots(app, stacks),
  };
}

/** The value, or what is known where the store cannot be asked. */
async function readOr<Value, Other extends Value | null>(
  reading: Promise<Kept<Value>>,
  otherwise: () => Other | undefined,
): Promise<Value | Other> {
  try {
    return (await reading).value;
  } catch (error) {
    const known = error instanceof ServiceError && error.status === 503 ? otherwise() : undefined;
    if (known === undefined) throw error;
    return known;
  }
}

/** As `snapshotOf`. */
export function listsSnapshot({ records, facts }: Service): Promise<StoredLists> {
  return readOr(records.read(LISTS_RECORD), () => facts.known()?.lists);
}

/** As `snapshotOf`. */
export async function allSnapshots(service: Service): Promise<DataSnapshot> {
  const { records, facts } = service;
  const applications = await service.applications();
  const [snapshots, lists, settings] = await Promise.all([
    Promise.all(applications.map((app) => snapshotOf(service, app))),
    listsSnapshot(service),
    readOr(records.read(SETTINGS_RECORD), () => facts.known()?.settings ?? DEFAULT_SETTINGS),
  ]);
  return { snapshots, applications, lists, settings };
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
