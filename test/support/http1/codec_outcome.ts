/** What the codec alone makes of a text, in the words of the corpus. */
import { driveCodec, type CodecDriver } from "./codec_driver.ts";
import type { Outcome } from "./expectations.ts";
import { NO_LIMITS } from "./naive_fields.ts";
import { readRequestsNaively } from "./naive_requests.ts";

export interface CodecOutcome extends Outcome {
  readonly driver: CodecDriver;
  /** Everything that each backend connection got. */
  readonly received: readonly Buffer[];
}

/** Feeds the segments, then FIN with `finish`. */
export function codecOutcome(segments: readonly Uint8Array[], finish: boolean): CodecOutcome {
  const driver = driveCodec(segments, undefined, finish);
  const received = driver.backends.map(({ socket }) => socket.bytes);
  const answers = driver.clientSocket.bytes.toString("latin1");
  return {
    driver,
    received,
    statuses: [...answers.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1])),
    ended: driver.clientSocket.finished || driver.clientSocket.reset,
    forwarded: received.flatMap((bytes) => readRequestsNaively(bytes, NO_LIMITS).requests),
  };
}
