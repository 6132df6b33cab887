/**
 * Watches of parts of the tree, armed again on each connection. Persistent watches lose what happens while there is no
 * connection (measured with 3.8; only one-shot watches are caught up with), so everybody lists anew after each one.
 */
import type { Watch, WatchListener } from "../contract.ts";
import { StoreUnavailable } from "../errors.ts";
import { isWithin, type Base } from "../paths.ts";
import { Watchers } from "../watchers.ts";
import type { Client } from "./client.ts";
import { translated } from "./failures.ts";
import { CODE, type WatchEvent } from "./protocol.ts";
import { ServerError } from "./session.ts";
import { TreeWatch } from "./tree_watch.ts";

export class Watches {
  readonly #client: Client;
  readonly #base: Base;
  readonly #abandon: (reason: string) => void;
  readonly #watchers = new Watchers();
  /** By prefix, where the server knows one-shot watches only. */
  readonly #trees = new Map<string, TreeWatch>();

  /** `abandon` gives up the connection, so that the next one arms everything anew. */
  constructor(client: Client, base: Base, abandon: (reason: string) => void) {
    this.#client = client;
    this.#base = base;
    this.#abandon = abandon;
  }

  async add(prefix: string, listener: WatchListener): Promise<Watch> {
    const full = this.#base.full(prefix, true);
    const end = this.#watchers.add(prefix, listener);
    try {
      await translated(prefix, this.#arm(prefix, full));
    } catch (error) {
      end();
      throw error;
    }
    return {
      close: () => {
        end();
        if (!this.#watchers.has(prefix)) this.#disarm(prefix, full);
      },
    };
  }

  /** A connection stands: everything is armed, and then listed by those who listen. */
  connected(): void {
    this.disconnected();
    for (const prefix of this.#watchers.prefixes)
      this.#arm(prefix, this.#base.full(prefix, true)).then(
        () => this.#watchers.relist(prefix),
        (error: unknown) => this.#failed(error),
      );
  }

  disconnected(): void {
    for (const tree of this.#trees.values()) tree.close();
    this.#trees.clear();
  }

  changed(events: readonly WatchEvent[]): void {
    if (this.#trees.size === 0) for (const { path } of events) this.#note(path);
    else for (const tree of this.#trees.values()) this.#tellTree(tree, events);
    this.#watchers.flush();
  }

  close(): void {
    this.disconnected();
    this.#watchers.clear();
  }

  #tellTree(tree: TreeWatch, events: readonly WatchEvent[]): void {
    const handled = events.map((event) => tree.handle(event));
    Promise.all(handled).then(
      () => this.#watchers.flush(),
      (error: unknown) => this.#failed(error),
    );
  }

  /** With a lost connection the next one arms anew. A watch that is not armed must not look like one that is. */
  #failed(error: unknown): void {
    if (error instanceof StoreUnavailable) return;
    if (error instanceof ServerError) this.#abandon(`a watch cannot be set: ${error.message}`);
    else reportError(error);
  }

  #note(full: string): void {
    if (isWithin(full, this.#base.full("/", true))) this.#watchers.note(this.#base.own(full));
  }

  async #arm(prefix: string, full: string): Promise<void> {
    try {
      await this.#client.addWatch(full);
    } catch (error) {
      if (!(error instanceof ServerError) || error.code !== CODE.unimplemented) throw error;
      const tree = new TreeWatch(this.#client, full, (path) => this.#note(path));
      this.#trees.get(prefix)?.close();
      this.#trees.set(prefix, tree);
      await tree.arm();
    }
  }

  #disarm(prefix: string, full: string): void {
    const tree = this.#trees.get(prefix);
    tree?.close();
    this.#trees.delete(prefix);
    if (tree !== undefined) return;
    // Where it does not come through, the connection is gone and the watch with it.
    this.#client.removeWatch(full).catch(() => {});
  }
}
