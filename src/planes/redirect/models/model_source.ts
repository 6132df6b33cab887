/** Follows the models and lists of a store: each is read when it changes, and everything after an outage. */
import type { RedirectSettings } from "../../../core/redirect/documents/service_documents.ts";
import { messageOf } from "../../../core/text/message_of.ts";
import { runInSlices } from "../../../platform/slices.ts";
import type { Store, Watch } from "../../../store/contract.ts";
import { StoreUnavailable } from "../../../store/errors.ts";
import { LargeDocuments } from "../../../store/large_documents.ts";
import { type KeptLists, readKeptLists, type Share } from "./kept_lists.ts";
import {
  appOfPath,
  APPS,
  LISTS,
  modelPath,
  readModel,
  readSettings,
  readVersion,
  reloadPath,
  ROOT,
  SETTINGS,
  type StoredModel,
} from "./stored.ts";

export interface ModelListener {
  /** Another model of an application; null = the application is gone. */
  modelChanged(app: string, stored: StoredModel | null): void | Promise<void>;
  listsChanged(lists: KeptLists | null): void;
  settingsChanged(settings: RedirectSettings | null): void;
  /** Somebody wants the hosts of a static application to be taken anew. */
  stacksReload(app: string): void;
  /** What stands there cannot be used; what was told before goes on. */
  refused(what: string, problem: string): void;
}

/** What has changed and is not read yet. */
interface Due {
  readonly apps: Set<string>;
  lists: boolean;
  settings: boolean;
  all: boolean;
}

const RETRY_MS = 100;
const CONNECT_MS = 1_000;

const nothingDue = (): Due => ({ apps: new Set(), lists: false, settings: false, all: false });

function isDue({ apps, lists, settings, all }: Due): boolean {
  return all || lists || settings || apps.size > 0;
}

const isWithin = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

/** What else stands below an application is the management service's. */
function isFollowed(path: string, app: string): boolean {
  const [model, reload] = [modelPath(app), reloadPath(app)];
  return isWithin(path, model) || isWithin(path, reload) || model.startsWith(`${path}/`);
}

export class ModelSource {
  readonly #store: Store;
  readonly #documents: LargeDocuments;
  readonly #listener: ModelListener;
  readonly #share: Share;
  /** Revisions that were told, by path. */
  readonly #told = new Map<string, number>();
  #due = nothingDue();
  #reading: Promise<void> | null = null;
  #watch: Watch | null = null;
  #hasReadAll = false;
  #closed = false;

  /** Models and lists are at most `maxBytes` long; large lists lie in memory that `share` makes. */
  constructor(store: Store, maxBytes: number, share: Share, listener: ModelListener) {
    this.#store = store;
    this.#share = share;
    this.#documents = new LargeDocuments(store, maxBytes);
    this.#listener = listener;
  }

  /** Resolves when everything that is there has been told, also after a store that is away for long, and when it is closed. */
  async start(): Promise<void> {
    while (!this.#closed && !(await this.#startWatch())) await this.#connected();
    if (this.#closed) this.#watch?.close();
    else this.#readAll();
    await this.idle();
  }

  /** False where the store is not reached. */
  async #startWatch(): Promise<boolean> {
    try {
      this.#watch = await this.#store.watch(ROOT, {
        changed: (paths) => this.#changed(paths),
        relist: () => this.#readAll(),
      });
      return true;
    } catch (error) {
      if (error instanceof StoreUnavailable) return false;
      throw error;
    }
  }

  async #connected(): Promise<void> {
    await Bun.sleep(RETRY_MS);
    // Looks every now and then whether it has been closed meanwhile.
    await this.#store.whenConnected(CONNECT_MS).catch(() => {});
  }

  /** Resolves when nothing is left to read. */
  async idle(): Promise<void> {
    while (this.#reading !== null) await this.#reading;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#watch?.close();
    await this.idle();
  }

  #readAll(): void {
    this.#due.all = true;
    this.#reading ??= this.#readDue();
  }

  #changed(paths: readonly string[]): void {
    for (const path of paths) {
      const app = appOfPath(path);
      if (app !== null && isFollowed(path, app)) this.#due.apps.add(app);
      else if (isWithin(path, LISTS)) this.#due.lists = true;
      else if (isWithin(path, SETTINGS)) this.#due.settings = true;
      else if (path === ROOT || path === APPS) this.#due.all = true;
    }
    if (isDue(this.#due)) this.#reading ??= this.#readDue();
  }

  async #readDue(): Promise<void> {
    // What is told in one turn of the event loop is read once.
    await Promise.resolve();
    while (!this.#closed && isDue(this.#due)) {
      const due = this.#due;
      this.#due = nothingDue();
      try {
        await this.#read(due);
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) this.#listener.refused(ROOT, messageOf(error));
        else if (this.#store.state.kind === "connected") await this.#tryAgainLater(due);
        // With the connection comes a relist.
      }
    }
    this.#reading = null;
  }

  async #tryAgainLater({ apps, lists, settings, all }: Due): Promise<void> {
    for (const app of apps) this.#due.apps.add(app);
    this.#due.lists ||= lists;
    this.#due.settings ||= settings;
    this.#due.all ||= all;
    await Bun.sleep(RETRY_MS);
  }

  async #read({ apps, lists, settings, all }: Due): Promise<void> {
    if (all)
      for (const name of (await this.#store.children(APPS)) ?? [])
        apps.add(appOfPath(`${APPS}/${name}`) ?? name);
    if (all) for (const path of this.#told.keys()) apps.add(appOfPath(path) ?? "");
    apps.delete("");
    // Lists first: a model that comes with a new list finds it.
    if (all || lists)
      await this.#readOne(
        LISTS,
        (bytes) => readKeptLists(bytes, this.#share),
        (read) => this.#listener.listsChanged(read),
      );
    // Also what a model needs to be good enough stands before it.
    if (all || settings)
      await this.#readOne(SETTINGS, readSettings, (found) => this.#listener.settingsChanged(found));
    for (const app of apps) {
      await this.#readOne(
        modelPath(app),
        (bytes) => runInSlices(readModel(bytes)),
        (stored) => this.#listener.modelChanged(app, stored),
      );
      await this.#readOne(reloadPath(app), readVersion, () => {
        // What stood there at the start was meant for those who were there before.
        if (this.#hasReadAll) this.#listener.stacksReload(app);
      });
    }
  }

  async #readOne<Stored>(
    path: string,
    parse: (bytes: Uint8Array) => Promise<Stored> | Stored,
    tell: (stored: Stored | null) => void | Promise<void>,
  ): Promise<void> {
    const revision = await this.#documents.revision(path);
    if (revision === (this.#told.get(path) ?? null)) return;
    try {
      const document = revision === null ? null : await this.#documents.read(path);
      if (document === null) {
        if (this.#told.delete(path)) await tell(null);
        return;
      }
      this.#told.set(path, document.revision);
      await tell(await parse(document.value));
    } catch (error) {
      if (error instanceof StoreUnavailable) throw error;
      // Told once: until it is replaced it does not get better.
      if (revision !== null) this.#told.set(path, revision);
      this.#listener.refused(path, messageOf(error));
    }
  }
}
