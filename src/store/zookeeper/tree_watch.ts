/**
 * Changes of a tree by one-shot watches, for servers before 3.6: each node is watched for its value and its children, and
 * watched again after each event. Lives as long as a connection.
 */
import type { Client } from "./client.ts";
import { childOf } from "../paths.ts";
import { EVENT, type WatchEvent } from "./protocol.ts";

export class TreeWatch {
  readonly #client: Client;
  readonly #prefix: string;
  readonly #note: (path: string) => void;
  /** Names of the children of each node that is watched. */
  readonly #nodes = new Map<string, ReadonlySet<string>>();
  #closed = false;

  /** `note` is called for each changed node, once whatever may change further is watched again. */
  constructor(client: Client, prefix: string, note: (path: string) => void) {
    this.#client = client;
    this.#prefix = prefix;
    this.#note = note;
  }

  /** Watches the tree as it is. */
  async arm(): Promise<void> {
    await this.#walk(this.#prefix, () => {});
  }

  async handle({ type, path }: WatchEvent): Promise<void> {
    if (this.#closed || (path !== this.#prefix && !this.#nodes.has(path))) return;
    if (type === EVENT.deleted) await this.#deleted(path);
    else if (type === EVENT.childrenChanged) await this.#childrenChanged(path);
    else if (this.#nodes.has(path)) {
      await this.#watchValue(path);
      this.#note(path);
    } else await this.#walk(path, this.#note);
  }

  close(): void {
    this.#closed = true;
    this.#nodes.clear();
  }

  /** Missing nodes are watched at the prefix only, so that watches do not pile up. */
  async #watchValue(path: string): Promise<boolean> {
    if (path === this.#prefix) return (await this.#client.exists(path, true)) !== null;
    return (await this.#client.getData(path, true)) !== null;
  }

  async #walk(path: string, note: (path: string) => void): Promise<void> {
    const known = this.#nodes.has(path);
    const isThere = await this.#watchValue(path);
    const names = isThere && !known ? await this.#client.getChildren(path, true) : null;
    if (this.#closed) return;
    if (names !== null) {
      this.#nodes.set(path, new Set(names));
      await Promise.all(names.map((name) => this.#walk(childOf(path, name), note)));
    }
    note(path);
  }

  async #deleted(path: string): Promise<void> {
    this.#forget(path);
    if (path === this.#prefix) await this.#walk(path, () => {});
    this.#note(path);
  }

  #forget(path: string): void {
    for (const name of this.#nodes.get(path) ?? []) this.#forget(childOf(path, name));
    if (this.#nodes.delete(path)) this.#note(path);
  }

  async #childrenChanged(path: string): Promise<void> {
    const names = await this.#client.getChildren(path, true);
    const before = this.#nodes.get(path);
    if (names === null || before === undefined || this.#closed) return;
    this.#nodes.set(path, new Set(names));
    for (const name of before) if (!names.includes(name)) this.#forget(childOf(path, name));
    const fresh = names.filter((name) => !before.has(name));
    await Promise.all(fresh.map((name) => this.#walk(childOf(path, name), this.#note)));
  }
}
