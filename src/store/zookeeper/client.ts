/** The operations of ZooKeeper that a store needs, on a session. All reject as `Session.request` does. */
import type { JuteReader } from "./jute.ts";
import {
  CODE,
  OPERATION,
  readChangeResults,
  readStat,
  writeChange,
  writeChanges,
  type Change,
  type ChangeResult,
  type Stat,
} from "./protocol.ts";
import { ServerError, type Session } from "./session.ts";

const NO_BYTES = new Uint8Array(0);
const PERSISTENT_RECURSIVE = 1;
const ANY_WATCH = 3;

/** Null in the place of the error "there is no such node". */
async function unlessMissing<Answer>(answer: Promise<Answer>): Promise<Answer | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ServerError && error.code === CODE.noNode) return null;
    throw error;
  }
}

const nothing = (): void => {};

export class Client {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /** `watch` on a missing node tells when it is made. */
  exists(path: string, watch = false): Promise<Stat | null> {
    const request = this.#session.request(
      OPERATION.exists,
      (writer) => writer.text(path).boolean(watch),
      readStat,
    );
    return unlessMissing(request);
  }

  getData(path: string, watch = false): Promise<{ value: Uint8Array; stat: Stat } | null> {
    const read = (reader: JuteReader) => ({ value: reader.bytes() ?? NO_BYTES, stat: readStat(reader) });
    return unlessMissing(
      this.#session.request(OPERATION.getData, (writer) => writer.text(path).boolean(watch), read),
    );
  }

  getChildren(path: string, watch = false): Promise<string[] | null> {
    const SMALLEST_NAME = 5;
    const read = (reader: JuteReader) => reader.vector(SMALLEST_NAME, () => reader.text());
    return unlessMissing(
      this.#session.request(OPERATION.getChildren2, (writer) => writer.text(path).boolean(watch), read),
    );
  }

  sync(path: string): Promise<void> {
    return this.#session.request(OPERATION.sync, (writer) => void writer.text(path), nothing);
  }

  /** All changes or none; one is sent as itself. A failed one has a code that is not 0. */
  async change(changes: readonly Change[]): Promise<readonly ChangeResult[]> {
    const [only] = changes;
    if (only === undefined) return [];
    if (changes.length > 1 || only.kind === "check")
      return await this.#session.request(
        OPERATION.multi,
        (writer) => writeChanges(writer, changes),
        readChangeResults,
      );
    const { kind } = only;
    const read = (reader: JuteReader) => {
      if (kind === "delete") return null;
      return kind === "create" ? 0 : readStat(reader).version;
    };
    try {
      const version = await this.#session.request(
        OPERATION[kind],
        (writer) => writeChange(writer, only),
        read,
      );
      return [{ code: CODE.ok, version }];
    } catch (error) {
      if (error instanceof ServerError) return [{ code: error.code, version: null }];
      throw error;
    }
  }

  /** Everything at and below `path`, until the connection ends. Needs a server of 3.6; others say UNIMPLEMENTED. */
  addWatch(path: string): Promise<void> {
    return this.#session.request(
      OPERATION.addWatch,
      (writer) => void writer.text(path).int(PERSISTENT_RECURSIVE),
      nothing,
    );
  }

  removeWatch(path: string): Promise<void> {
    return this.#session.request(
      OPERATION.removeWatches,
      (writer) => void writer.text(path).int(ANY_WATCH),
      nothing,
    );
  }
}
