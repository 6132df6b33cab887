/** Lines of answers of our own that come again and again: made once. */
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

const NO_BODY = "Content-Length: 0\r\n\r\n";

/** The end of a head: the length of a body, and the empty line. */
export function lengthEnd(length: number): string {
  return length === 0 ? NO_BODY : `Content-Length: ${length}\r\n\r\n`;
}
