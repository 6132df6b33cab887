/**
 * Writing to a socket with backpressure and with as few system calls as possible. A head is staged in the scratch block
 * and leaves together with the first body bytes of the same event; bytes that the socket does not take wait in order.
 */
import { sendBeforeFin, sendNoWait } from "../../platform/send_before_fin.ts";
import { JOIN_BYTES, scratch, SCRATCH_BYTES, scratchAddress, scratchOwner } from "./scratch.ts";

/** The part of a Bun socket that writers use; plain, TLS and upgraded sockets have it. */
export interface ByteSocket {
  /** Its descriptor, where it has one: tells how much of what was written the peer has taken. */
  readonly fd?: number;
  /** Returns the number of bytes taken, below 0 when the socket is closed. */
  write(bytes: Uint8Array, offset: number, length: number): number;
  pause(): void;
  resume(): void;
  /** Sends FIN and goes on reading. */
  shutdown(): void;
  /** FIN (with TLS: close_notify first) and the end of reading. `end()` of a plain socket costs a system call more. */
  close(): void;
  /** RST. */
  terminate(): void;
}

/** A connection that writes. One of these is the `data` of each socket. */
export interface Writer {
  readonly byteSocket: ByteSocket | null;
  /** Bytes that the socket has not taken yet, in order, or null. */
  waiting: Uint8Array[] | null;
  /** Bytes that the socket took so far, for progress and minimum rates. */
  writtenBytes: number;
  /**
   * Descriptor of a connection without TLS that is closed as soon as the answer at work is written, else -1: the end of
   * such an answer and the FIN share a segment.
   */
  readonly closingFd: number;
  /** Descriptor that takes bytes as they are, -1 = there is none: with TLS, or when the connection is gone. */
  readonly plainFd: number;
}

/** What stands staged in `scratch[0..end)`; `writer` is null when nothing does. */
class Staged {
  writer: Writer | null = null;
  from = 0;
  end = 0;
}
const staged = new Staged();

/** Declares `scratch[from..end)` to be the next bytes of `writer`. They must be flushed within the same event. */
export function stage(writer: Writer, from: number, end: number): void {
  staged.writer = writer;
  staged.from = from;
  staged.end = end;
  scratchOwner.bytes = null;
}

/**
 * Sends what is staged for `writer`; `last`: it is the end of the answer. Returns false when bytes wait for the socket.
 */
export function flushStaged(writer: Writer, last = false): boolean {
  if (staged.writer !== writer) return writer.waiting === null;
  staged.writer = null;
  return sendNow(writer, scratch, staged.from, staged.end, last);
}

/** Sends what any writer has staged: the scratch block is needed for something else. */
export function flushAnyStaged(): void {
  if (staged.writer !== null) flushStaged(staged.writer);
}

/** Up to here a loop copies faster than `set` with the view that it needs. */
const LOOP_BYTES = 128;

function copyInto(bytes: Uint8Array, from: number, to: number, at: number): void {
  for (let k = from; k < to; k++) scratch[at++] = bytes[k]!;
}

/**
 * Sends `bytes[from..to)` after what is staged or waiting. `spare`: nobody reads what stands before `from` any more, so
 * it may be overwritten. `last`: they are the end of the answer. Returns false when bytes wait for the socket.
 */
export function send(
  writer: Writer,
  bytes: Uint8Array,
  from: number,
  to: number,
  spare = false,
  last = false,
): boolean {
  if (staged.writer !== writer) return sendNow(writer, bytes, from, to);
  const length = to - from;
  const head = staged.end - staged.from;
  if (length <= JOIN_BYTES && staged.end + length <= SCRATCH_BYTES) {
    if (length <= LOOP_BYTES) copyInto(bytes, from, to, staged.end);
    else if (length === bytes.length) scratch.set(bytes, staged.end);
    else scratch.set(bytes.subarray(from, to), staged.end);
    staged.writer = null;
    return sendNow(writer, scratch, staged.from, staged.end + length, last);
  }
  staged.writer = null;
  if (spare && head <= from && writer.waiting === null) {
    // The space before the body held the head as it came: the new head fits there, and both leave in one write.
    bytes.set(scratch.subarray(staged.from, staged.end), from - head);
    return sendNow(writer, bytes, from - head, to);
  }
  sendNow(writer, scratch, staged.from, staged.end);
  return sendNow(writer, bytes, from, to);
}

function sendNow(writer: Writer, bytes: Uint8Array, from: number, to: number, last = false): boolean {
  if (writer.waiting !== null) {
    writer.waiting.push(keep(bytes, from, to));
    return false;
  }
  const socket = writer.byteSocket;
  if (socket === null) return true;
  if (last && bytes === scratch) from += sendBeforeClose(writer, from, to);
  if (bytes === scratch) from += sendStraight(writer, from, to);
  const taken = from === to ? 0 : socket.write(bytes, from, to - from);
  if (taken === to - from) {
    writer.writtenBytes += taken;
    return true;
  }
  // A closed socket takes nothing; its close event ends the exchange.
  if (taken < 0) return true;
  writer.writtenBytes += taken;
  writer.waiting = [keep(bytes, from + taken, to)];
  return false;
}

/**
 * Returns how many bytes of `scratch[from..to)` the kernel took: what of Bun's `write` is more than the system call is saved. What it did
 * not take goes the ordinary way, which waits for room.
 */
function sendStraight(writer: Writer, from: number, to: number): number {
  const fd = from === to ? -1 : writer.plainFd;
  if (fd < 0) return 0;
  const taken = sendNoWait(fd, scratchAddress + from, to - from);
  writer.writtenBytes += taken;
  return taken;
}

/** Returns how many bytes of `scratch[from..to)` went into a segment that the FIN completes, 0 when that does not fit. */
function sendBeforeClose(writer: Writer, from: number, to: number): number {
  const fd = writer.closingFd;
  if (fd < 0) return 0;
  const taken = sendBeforeFin(fd, scratchAddress + from, to - from);
  writer.writtenBytes += taken;
  return taken;
}

/** Bytes of the scratch block must be copied; blocks that came from a socket are ours to keep. */
function keep(bytes: Uint8Array, from: number, to: number): Uint8Array {
  return bytes === scratch ? bytes.slice(from, to) : bytes.subarray(from, to);
}

/** Goes on with what waits. Returns true when nothing waits any more. */
export function sendWaiting(writer: Writer): boolean {
  const { waiting } = writer;
  if (waiting === null) return true;
  const socket = writer.byteSocket;
  if (socket === null) {
    writer.waiting = null;
    return true;
  }
  for (let index = 0; index < waiting.length; index++) {
    const bytes = waiting[index]!;
    const taken = socket.write(bytes, 0, bytes.length);
    if (taken > 0) writer.writtenBytes += taken;
    if (taken < bytes.length) {
      if (taken > 0) waiting[index] = bytes.subarray(taken);
      waiting.splice(0, index);
      return false;
    }
  }
  writer.waiting = null;
  return true;
}

/** Forgets what is staged or waiting for `writer`. */
export function dropOutput(writer: Writer): void {
  if (staged.writer === writer) staged.writer = null;
  writer.waiting = null;
}

/** Bytes that wait for the socket. */
export function waitingBytes(writer: Writer): number {
  let total = 0;
  if (writer.waiting !== null) for (const bytes of writer.waiting) total += bytes.length;
  return total;
}
