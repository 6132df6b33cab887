/** First lines of answers of our own: few, and each comes again and again. */
import { REASON_PHRASES } from "../../core/reason_phrases.ts";
import { latin1Bytes } from "./bytes.ts";

const statusLines = new Map<number, Uint8Array>();

/** The first line of an answer, with its line end. */
export function statusLine(status: number): Uint8Array {
  let line = statusLines.get(status);
  if (line === undefined) {
    line = latin1Bytes(`HTTP/1.1 ${status} ${REASON_PHRASES[status] ?? ""}\r\n`);
    statusLines.set(status, line);
  }
  return line;
}
