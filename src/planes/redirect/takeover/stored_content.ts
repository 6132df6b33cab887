/** What the records of a store and the hosts in it are as one value: all that a gateway of the original needs to decide. */
import { DEFAULT_REDIRECT } from "../../../core/defaults.ts";
import type { WhitelistUpdate } from "../../../core/redirect/documents/whitelist.ts";
import type { StackHosts } from "../../../core/redirect/hosts.ts";
import { realClock } from "../../../platform/clock.ts";
import type { Store } from "../../../store/contract.ts";
import { Discovery } from "../discovery/discovery.ts";
import type { KnownGood, KnownModel } from "../last_known_good/content.ts";
import { appOfPath, APPS } from "../models/stored.ts";
import { LISTS_RECORD, modelRecord, notesRecord, SETTINGS_RECORD } from "../service/records/kinds.ts";
import type { Records } from "../service/records/records.ts";

export interface StoredContent {
  readonly content: KnownGood;
  /** By application. */
  readonly whitelist_updates: ReadonlyMap<string, readonly WhitelistUpdate[]>;
}

/** Rejects with ServiceError and as the store does. */
export async function readStoredContent(store: Store, records: Records): Promise<StoredContent> {
  const stacks = await registeredHosts(store);
  const names = (await records.names(APPS)).map((name) => appOfPath(`${APPS}/${name}`) ?? name);
  const models = new Map<string, KnownModel>();
  const whitelistUpdates = new Map<string, readonly WhitelistUpdate[]>();
  for (const name of names) {
    const stored = await records.readFresh(modelRecord(name));
    if (stored.revision !== null) models.set(name, stored.value);
    whitelistUpdates.set(name, (await records.readFresh(notesRecord(name))).value.whitelist_updates);
  }
  const settings = await records.readFresh(SETTINGS_RECORD);
  const lists = await records.readFresh(LISTS_RECORD);
  return {
    content: {
      applications: [...new Set([...names, ...stacks.keys()])].toSorted(),
      models,
      lists: lists.value,
      stacks,
      settings: settings.revision === null ? null : settings.value,
      is_offline: false,
    },
    whitelist_updates: whitelistUpdates,
  };
}

async function registeredHosts(store: Store): Promise<ReadonlyMap<string, readonly StackHosts[]>> {
  const discovery = new Discovery(
    { ...DEFAULT_REDIRECT.discovery, static_applications: new Set() },
    { store, clock: realClock, initial: new Map(), changed: () => {} },
  );
  discovery.start();
  try {
    await discovery.whenListed();
    return new Map(discovery.applications.map((name) => [name, discovery.hosts(name)]));
  } finally {
    discovery.close();
  }
}
