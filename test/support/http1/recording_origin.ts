/** A backend that keeps every byte, reads requests by the naive reader and answers each at once. */
import { answerText, rawOrigin, type RawOrigin } from "../raw_origin.ts";
import type { ReadRequest } from "./message.ts";
import { NO_LIMITS } from "./naive_fields.ts";
import { readRequestsNaively } from "./naive_requests.ts";

export interface RecordingOrigin extends Disposable {
  readonly origin: RawOrigin;
  /** Whole requests since the last call. */
  take(): ReadRequest[];
  /** What no request could be read from, since the last call. */
  takeFaults(): string[];
}

export async function recordingOrigin(): Promise<RecordingOrigin> {
  let requests: ReadRequest[] = [];
  let faults: string[] = [];
  const unread = new WeakMap<object, Buffer>();
  const origin = await rawOrigin(undefined, {
    onData(connection, bytes) {
      const all = Buffer.concat([unread.get(connection) ?? Buffer.alloc(0), bytes]);
      const reading = readRequestsNaively(all, NO_LIMITS);
      if (reading.ending.kind === "refused") {
        faults.push(`${reading.ending.why}: ${JSON.stringify(all.toString("latin1").slice(0, 1_000))}`);
        connection.resetNow();
        return true;
      }
      // Nothing is sent behind a request before its answer, so a text is one request or the start of one.
      const whole = reading.ending.kind === "complete";
      unread.set(connection, whole ? Buffer.alloc(0) : all);
      if (!whole) return true;
      requests.push(...reading.requests);
      for (const { target } of reading.requests)
        connection.send(answerText("", 200, `X-Target: ${target}\r\n`));
      return true;
    },
  });
  return {
    origin,
    take() {
      const taken = requests;
      requests = [];
      return taken;
    },
    takeFaults() {
      const taken = faults;
      faults = [];
      return taken;
    },
    [Symbol.dispose]: () => origin.close(),
  };
}
