/**
 * Sends a chunked body on as a chunked body. Canonical input goes on byte for byte; input with extensions, or chunk
 * sizes that are split over reads, is framed anew, so that a receiver only ever sees strict framing.
 */
import { latin1Bytes, writeHex } from "./bytes.ts";
import { ChunkReader, spans } from "./chunks.ts";
import { send, type Writer } from "./output.ts";

const LINE_END = latin1Bytes("\r\n");
const LAST_CHUNK = latin1Bytes("0\r\n\r\n");
const sizeLine = new Uint8Array(16);

/** Writes one chunk; an empty one would end the body and is left out. */
export function sendChunk(writer: Writer, bytes: Uint8Array, from: number, to: number): boolean {
  if (to === from) return writer.waiting === null;
  sendSize(writer, to - from);
  send(writer, bytes, from, to);
  return send(writer, LINE_END, 0, 2);
}

/** Writes the end of a chunked body; `trailerLines` is "" or whole lines, latin1. */
export function sendLastChunk(writer: Writer, trailerLines: string): boolean {
  if (trailerLines === "") return send(writer, LAST_CHUNK, 0, LAST_CHUNK.length, false, true);
  const end = latin1Bytes(`0\r\n${trailerLines}\r\n`);
  return send(writer, end, 0, end.length, false, true);
}

function sendSize(writer: Writer, size: number): void {
  let end = writeHex(sizeLine, 0, size);
  sizeLine[end++] = 13;
  sizeLine[end++] = 10;
  // A copy, because the line may have to wait.
  send(writer, sizeLine.slice(0, end), 0, end);
}

export class ChunkRelay {
  readonly reader: ChunkReader;
  /** The chunk that is open in the output is the one that is open in the input. */
  #mirrors = true;

  constructor(maxExtensionBytes: number, maxTrailerBytes: number) {
    this.reader = new ChunkReader(maxExtensionBytes, maxTrailerBytes);
  }

  /**
   * Reads `bytes[from..to)` and sends its payload on. Returns the position after the body's bytes, -1 when malformed.
   * The end of the body is not sent unless it could go on byte for byte: `sentEnd` tells.
   */
  relay(writer: Writer, bytes: Uint8Array, from: number, to: number): number {
    const { reader } = this;
    const openBytes = reader.insideData ? reader.remaining : 0;
    const after = reader.read(bytes, from, to);
    if (after < 0) return after;
    if (reader.canonical && this.#mirrors) {
      if (reader.done) this.sentEnd = true;
      send(writer, bytes, from, after, false, reader.done);
      return after;
    }
    // What is left of a chunk whose size line has gone on needs no size of its own, but its line end.
    const goesOn = this.#mirrors && openBytes > 0 && reader.spanCount > 0;
    const ends = goesOn && spans[1]! - spans[0]! === openBytes;
    if (goesOn) send(writer, bytes, spans[0]!, spans[1]!);
    if (ends) send(writer, LINE_END, 0, 2);
    for (let index = goesOn ? 1 : 0; index < reader.spanCount; index++)
      sendChunk(writer, bytes, spans[index * 2]!, spans[index * 2 + 1]!);
    if (!goesOn || ends) this.#mirrors = reader.betweenChunks;
    return after;
  }

  sentEnd = false;
}
