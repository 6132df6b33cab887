/** Reads nodes of the original's tree as documents. It only reads. */
import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { readJsonText, type DocumentKind } from "../../../core/redirect/documents/kind.ts";
import { documentProblemText } from "../../../core/redirect/documents/reading.ts";
import { messageOf } from "../../../core/text/message_of.ts";
import type { Store } from "../../../store/contract.ts";
import { readXml } from "../documents/xml.ts";

/** Nodes that are read at the same time. */
const READS_AT_ONCE = 32;
/** Of one node that are told. */
const MOST_PROBLEMS = 10;
const OPENING_BRACE = 0x7b;

export class NodeReader {
  readonly problems: string[] = [];
  readonly warnings: string[] = [];
  readonly #store: Pick<Store, "get" | "children">;
  readonly #maxBytes: number;

  /** Documents are at most `maxBytes` long, also when they are decompressed. */
  constructor(store: Pick<Store, "get" | "children">, maxBytes: number) {
    this.#store = store;
    this.#maxBytes = maxBytes;
  }

  /** Names of the nodes below; none where there is no such node. Rejects as the store does. */
  async names(path: string): Promise<readonly string[]> {
    return (await this.#store.children(path)) ?? [];
  }

  /** How often the value of a node was changed, which is what the original calls a version; 0 where there is none. */
  async version(path: string): Promise<number> {
    return (await this.#store.get(path))?.revision ?? 0;
  }

  /** Null where there is none, none that can be read (then a problem says so), or nothing in it. Rejects as the store does. */
  async document<Value>(path: string, kind: DocumentKind<Value>): Promise<Value | null> {
    const found = await this.#store.get(path);
    if (found === null || found.value.length === 0) return null;
    let bytes: Uint8Array;
    try {
      bytes = this.#decompressed(found.value);
    } catch (error) {
      this.problems.push(`${path}: cannot be decompressed: ${messageOf(error)}`);
      return null;
    }
    const limits = { max_model_bytes: this.#maxBytes };
    const isJson = bytes.find((byte) => byte > 0x20) === OPENING_BRACE;
    const read = isJson ? readJsonText(kind, [bytes], limits) : readXml(kind, [bytes], limits);
    this.#add(this.problems, path, read.problems.map(documentProblemText));
    this.#add(this.warnings, path, read.warnings.map(documentProblemText));
    return read.value;
  }

  /** The documents of all nodes below, in the order of their names. */
  async documents<Value>(
    path: string,
    kindOf: (name: string) => DocumentKind<Value>,
  ): Promise<{ readonly name: string; readonly value: Value }[]> {
    const names = await this.names(path);
    const found: { readonly name: string; readonly value: Value }[] = [];
    for (let from = 0; from < names.length; from += READS_AT_ONCE) {
      const some = names.slice(from, from + READS_AT_ONCE);
      const values = await Promise.all(some.map((name) => this.document(`${path}/${name}`, kindOf(name))));
      for (const [index, value] of values.entries())
        if (value !== null) found.push({ name: some[index]!, value });
    }
    return found;
  }

  #decompressed(bytes: Uint8Array): Uint8Array {
    const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
    return isGzip ? gunzipSync(bytes, { maxOutputLength: this.#maxBytes }) : bytes;
  }

  #add(to: string[], path: string, texts: readonly string[]): void {
    for (const text of texts.slice(0, MOST_PROBLEMS)) to.push(`${path}: ${text}`);
    if (texts.length > MOST_PROBLEMS) to.push(`${path}: has ${texts.length - MOST_PROBLEMS} more of these`);
  }
}

/** What clients send in the place of a value of an ENCODED list, but for its case. */
export function md5(text: string): string {
  return createHash("md5").update(text).digest("hex");
}
