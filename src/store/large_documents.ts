/**
 * Documents of any size on any store. A document at `/d` is made of
 *
 *     /d/parts/<generation>/00000000 …   immutable parts of at most 512 KiB
 *     /d/head                            small: size, hash, which generation; its revision is that of the document
 *
 * All parts are written first, then the head is switched by compare-and-set: who reads the head finds a whole document. The
 * generation before stays until the next one is written, so a reader that has begun is disturbed by two writes at the
 * earliest, and then begins anew. A writer that dies leaves parts that no head names; the next one that succeeds removes them.
 */
import type { Expect, Revision, Store, StoreOperation } from "./contract.ts";
import { DEFAULT_STORE } from "./defaults.ts";
import { headBytes, inParts, partName, readHead, type DocumentHead } from "./document_head.ts";
import { StoreConflict, StoreRefused, StoreUnavailable } from "./errors.ts";

const { max_bytes, part_bytes, parts_at_once, max_reads, max_unfinished } = DEFAULT_STORE.large_documents;
const NO_BYTES = new Uint8Array(0);

/** Larger than allowed; `size` is what is known of it, and at least that much. */
export class DocumentTooLarge extends StoreRefused {
  readonly size: number;
  readonly limit: number;

  constructor(path: string, size: number, limit: number, isWhole: boolean) {
    super(`a document of ${isWhole ? "" : "at least "}${size} bytes; the limit is ${limit}`, path);
    this.name = "DocumentTooLarge";
    this.size = size;
    this.limit = limit;
  }
}

export interface StreamedDocument {
  readonly size: number;
  readonly revision: Revision;
  /**
   * The bytes, a few parts ahead of the reader in memory. Ends with StoreConflict when the document was replaced twice
   * meanwhile, and with StoreRefused when it is not what its head says: nothing of it is to be used before the end.
   */
  readonly parts: AsyncIterable<Uint8Array>;
}

export interface ReadDocument {
  readonly value: Uint8Array;
  readonly revision: Revision;
}

export type DocumentContent = Uint8Array | AsyncIterable<Uint8Array>;

export interface DocumentWrite {
  readonly path: string;
  readonly content: DocumentContent;
  /** About the document's revision. */
  readonly expect?: Expect;
}

type WrittenParts = Pick<DocumentHead, "size" | "sha256" | "parts">;

interface KnownHead {
  readonly head: DocumentHead;
  readonly revision: Revision;
}

interface PreparedWrite {
  readonly path: string;
  readonly before: KnownHead | null;
  readonly generation: string;
  /** Revision of the generation's marker. */
  readonly marked: Revision;
  /** Null while parts are written. */
  written: WrittenParts | null;
}

const markerOf = (path: string, generation: string): string => `${path}/parts/${generation}`;

/** The switch to what is prepared, which somebody may have removed for dead. */
function operationsOf({ path, before, generation, marked, written }: PreparedWrite): StoreOperation[] {
  const head: DocumentHead = { ...written!, generation, previous: before?.head.generation ?? null };
  return [
    { kind: "check", path: markerOf(path, generation), revision: marked },
    { kind: "put", path: `${path}/head`, value: headBytes(head), expect: before?.revision ?? "absent" },
  ];
}

/** A conflict is told of the document, not of the nodes that it is made of. */
function conflictOf(error: unknown, documents: readonly DocumentWrite[]): unknown {
  if (!(error instanceof StoreConflict)) return error;
  const document = documents.find(({ path }) => error.path === path || error.path.startsWith(`${path}/`));
  return document === undefined ? error : new StoreConflict(document.path, document.expect ?? "present");
}

export class LargeDocuments {
  readonly #store: Store;
  readonly #maxBytes: number;

  /** No document is larger than `maxBytes`, neither written nor read. */
  constructor(store: Store, maxBytes: number = max_bytes) {
    this.#store = store;
    this.#maxBytes = maxBytes;
  }

  /** Revision of the document at `path`; null where there is none. */
  async revision(path: string): Promise<Revision | null> {
    return (await this.#head(path))?.revision ?? null;
  }

  /** The whole document, null where there is none. Rejects as its store does, and with DocumentTooLarge. */
  async read(path: string): Promise<ReadDocument | null> {
    for (let attempt = 1; ; attempt++) {
      const document = await this.stream(path);
      if (document === null) return null;
      const value = new Uint8Array(document.size);
      let filled = 0;
      try {
        for await (const part of document.parts) {
          value.set(part, filled);
          filled += part.length;
        }
        return { value, revision: document.revision };
      } catch (error) {
        if (!(error instanceof StoreConflict)) throw error;
        if (attempt >= max_reads)
          throw new StoreUnavailable(`${path} was replaced during each of ${attempt} reads`);
      }
    }
  }

  /** The document piece by piece, null where there is none. Rejects with DocumentTooLarge before anything is read. */
  async stream(path: string): Promise<StreamedDocument | null> {
    const found = await this.#head(path);
    if (found === null) return null;
    const { head, revision } = found;
    if (head.size > this.#maxBytes) throw new DocumentTooLarge(path, head.size, this.#maxBytes, true);
    return { size: head.size, revision, parts: this.#parts(path, head) };
  }

  /**
   * Writes a document; `expect` is about the document's revision. Gives back the new one. Rejects with StoreConflict when
   * somebody else was faster, and with DocumentTooLarge; nothing has changed for readers then.
   */
  async write(path: string, content: DocumentContent, expect?: Expect): Promise<Revision> {
    const [revision] = await this.writeAll([{ path, content, expect }]);
    return revision!;
  }

  /**
   * Writes several documents, and carries `more` out with them: all or nothing. Gives back the new revisions of the documents.
   * Rejects as `write` does; a StoreConflict names the document, or the path of the operation in `more`.
   */
  async writeAll(
    documents: readonly DocumentWrite[],
    more: readonly StoreOperation[] = [],
  ): Promise<readonly Revision[]> {
    const prepared: PreparedWrite[] = [];
    try {
      for (const document of documents) await this.#prepare(document, prepared);
      const operations = prepared.flatMap(operationsOf);
      const revisions = await this.#store.transact([...operations, ...more]);
      for (const { path, generation, before } of prepared)
        await this.#tidy(path, new Set([generation, before?.head.generation ?? null]));
      // Each document has a check and a put.
      return prepared.map((_, index) => revisions[2 * index + 1]!);
    } catch (error) {
      // With an outage the switch may have been carried out: then these parts are in use.
      if (!(error instanceof StoreUnavailable))
        for (const { path, generation } of prepared) await quietly(this.#removeGeneration(path, generation));
      throw conflictOf(error, documents);
    }
  }

  /** Writes the parts; what is to be removed when it fails stands in `prepared` before the first one. */
  async #prepare({ path, content, expect }: DocumentWrite, prepared: PreparedWrite[]): Promise<void> {
    if (content instanceof Uint8Array && content.length > this.#maxBytes)
      throw new DocumentTooLarge(path, content.length, this.#maxBytes, true);
    const before = await this.#head(path);
    this.#checkExpectation(path, expect, before?.revision ?? null);
    await this.#removeDead(path, before?.head ?? null, before?.revision ?? null);
    const generation = crypto.randomUUID();
    const marker = markerOf(path, generation);
    // What this writer means to replace: the marker of a generation that cannot come to be any more.
    const replaces = new TextEncoder().encode(String(before?.revision ?? "absent"));
    const marked = await this.#store.put(marker, replaces, "absent");
    const write: PreparedWrite = { path, before, generation, marked, written: null };
    prepared.push(write);
    write.written = await this.#writeParts(path, marker, content);
  }

  /** Removes a document of this revision, with everything that belongs to it; a missing one is good without `expect`. */
  async remove(path: string, expect?: Revision): Promise<void> {
    try {
      await this.#store.delete(`${path}/head`, expect);
    } catch (error) {
      throw error instanceof StoreConflict ? new StoreConflict(path, error.expected) : error;
    }
    await this.#tidy(path, new Set());
  }

  async #head(path: string): Promise<KnownHead | null> {
    const found = await this.#store.get(`${path}/head`);
    if (found === null) return null;
    const head = readHead(found.value);
    if (head === null) throw new StoreRefused("the head of the document is damaged", path);
    return { head, revision: found.revision };
  }

  #checkExpectation(path: string, expect: Expect, revision: Revision | null): void {
    const isMet = expect === undefined || (expect === "absent" ? revision === null : revision === expect);
    if (!isMet) throw new StoreConflict(path, expect);
  }

  async #writeParts(path: string, marker: string, content: DocumentContent): Promise<WrittenParts> {
    const hash = new Bun.CryptoHasher("sha256");
    const underWay: Promise<unknown>[] = [];
    let [size, parts] = [0, 0];
    try {
      for await (const part of inParts(content instanceof Uint8Array ? [content] : content)) {
        size += part.length;
        if (size > this.#maxBytes) throw new DocumentTooLarge(path, size, this.#maxBytes, false);
        hash.update(part);
        if (underWay.length >= parts_at_once) await underWay.shift();
        const put = this.#store.put(`${marker}/${partName(parts++)}`, part, "absent");
        put.catch(() => {});
        underWay.push(put);
      }
      await Promise.all(underWay);
    } catch (error) {
      // None of them may come after the clearing.
      await Promise.allSettled(underWay);
      throw error;
    }
    return { size, sha256: hash.digest("hex"), parts };
  }

  async *#parts(path: string, head: DocumentHead): AsyncGenerator<Uint8Array> {
    const hash = new Bun.CryptoHasher("sha256");
    const ahead: ReturnType<Store["get"]>[] = [];
    const folder = `${path}/parts/${head.generation}`;
    let [asked, size] = [0, 0];
    for (let number = 0; number < head.parts; number++) {
      for (; asked < head.parts && ahead.length < parts_at_once; asked++) {
        const part = this.#store.get(`${folder}/${partName(asked)}`);
        part.catch(() => {});
        ahead.push(part);
      }
      const part = await ahead.shift()!;
      if (part === null) return await this.#vanished(path, head);
      size += part.value.length;
      if (size > head.size || part.value.length > part_bytes)
        throw new StoreRefused("the document is longer than its head says", path);
      hash.update(part.value);
      yield part.value;
    }
    if (size !== head.size || hash.digest("hex") !== head.sha256)
      throw new StoreRefused("the document is not what its head says: it is damaged", path);
  }

  /** A part is missing: mostly because there are newer generations by now. Always rejects. */
  async #vanished(path: string, head: DocumentHead): Promise<never> {
    // A server that lags behind may know the head of a document and not yet its parts.
    await this.#store.sync();
    const now = await this.#head(path);
    const part = await this.#store.get(`${path}/parts/${head.generation}/${partName(0)}`);
    if (now?.head.generation === head.generation && part === null)
      throw new StoreRefused("parts of the document are missing: it is damaged", path);
    throw new StoreConflict(path, "present");
  }

  /** Before a write: generations that can never be, and more unfinished ones than there are writers. */
  async #removeDead(path: string, head: DocumentHead | null, revision: Revision | null): Promise<void> {
    const names = (await this.#store.children(`${path}/parts`)) ?? [];
    const others = names.filter((name) => name !== head?.generation && name !== head?.previous);
    const dead: string[] = [];
    for (const name of others) {
      const marker = await this.#store.get(`${path}/parts/${name}`);
      const replaces = marker === null ? "" : new TextDecoder().decode(marker.value);
      if (replaces !== String(revision ?? "absent")) dead.push(name);
    }
    const gone = others.length - dead.length > max_unfinished ? others : dead;
    for (const name of gone) await quietly(this.#removeGeneration(path, name));
  }

  /** Removes all generations but these. What cannot be removed now is removed by the next writer. */
  async #tidy(path: string, kept: ReadonlySet<string | null>): Promise<void> {
    await quietly(
      (async () => {
        for (const name of (await this.#store.children(`${path}/parts`)) ?? [])
          if (!kept.has(name)) await this.#removeGeneration(path, name);
      })(),
    );
  }

  /** Marks it first, so that a writer that is still at it cannot switch to what is half gone. */
  async #removeGeneration(path: string, generation: string): Promise<void> {
    const marker = `${path}/parts/${generation}`;
    const names = await this.#store.children(marker);
    if (names === null) return;
    await this.#store.put(marker, NO_BYTES);
    for (let from = 0; from < names.length; from += parts_at_once) {
      const some = names.slice(from, from + parts_at_once);
      await Promise.all(some.map((name) => this.#store.delete(`${marker}/${name}`)));
    }
    await this.#store.delete(marker);
  }
}

/** What fails here is tried again by the next writer. */
async function quietly(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    const isOfStore =
      error instanceof StoreConflict || error instanceof StoreUnavailable || error instanceof StoreRefused;
    if (!isOfStore) throw error;
  }
}
