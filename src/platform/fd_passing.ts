/**
 * Descriptors sent from one process to another (SCM_RIGHTS, unix(7)).
 *
 * Over a socketpair that keeps message borders: a message is a small JSON value and up to MAX_DESCRIPTORS descriptors; it
 * is queued in the kernel, so a receiver that is told of it by another way (the IPC channel) finds it there.
 *
 * Over a stream of lines: descriptors come with an empty line, before the line that speaks of them.
 */
import { checked, errno, libc, reserve, SystemCallError } from "./libc.ts";

/** Descriptors in one message; the kernel takes 253. */
export const MAX_DESCRIPTORS = 64;
/** Bytes of JSON in one message. */
export const MAX_PAYLOAD_BYTES = 16 * 1024;

/** SOCK_SEQPACKET with SOCK_CLOEXEC. */
const SEQPACKET = 5 | 0o2000000;
const AF_UNIX = 1;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
const EAGAIN = 11;
const LINE_FEED = 10;
/** struct cmsghdr: 8 bytes of length, level, type; the descriptors follow. */
const CONTROL_HEADER = 16;
const CONTROL_BYTES = CONTROL_HEADER + MAX_DESCRIPTORS * 4;

const pair = reserve(8);
const payload = reserve(MAX_PAYLOAD_BYTES);
const control = reserve(CONTROL_BYTES);
const vector = reserve(16);
/** struct msghdr: name, its length, vectors, their count, control, its length, flags. */
const header = reserve(56);

export interface DescriptorMessage {
  readonly value: unknown;
  readonly descriptors: readonly number[];
}

/** Two connected ends, closed on exec: keep one, give the other to a child. Throws SystemCallError. */
export function descriptorChannel(): [number, number] {
  checked("socketpair", libc.socketpair(AF_UNIX, SEQPACKET, 0, pair.address));
  return [pair.int32[0] ?? -1, pair.int32[1] ?? -1];
}

function prepareHeader(payloadBytes: number, controlBytes: number): void {
  vector.view.setBigUint64(0, BigInt(payload.address), true);
  vector.view.setBigUint64(8, BigInt(payloadBytes), true);
  header.bytes.fill(0);
  header.view.setBigUint64(16, BigInt(vector.address), true);
  header.view.setBigUint64(24, 1n, true);
  if (controlBytes === 0) return;
  header.view.setBigUint64(32, BigInt(control.address), true);
  header.view.setBigUint64(40, BigInt(controlBytes), true);
}

/**
 * Sends `value` as JSON with `descriptors`, which the sender may close afterwards. Never waits: throws SystemCallError
 * (EAGAIN) when the receiver has too many messages waiting, (EPIPE) when it is gone; RangeError above a limit.
 */
export function sendDescriptors(channel: number, value: unknown, descriptors: readonly number[]): void {
  const text = new TextEncoder().encode(JSON.stringify(value));
  if (text.length > MAX_PAYLOAD_BYTES) throw new RangeError(`message of ${text.length} bytes is too large`);
  if (descriptors.length > MAX_DESCRIPTORS)
    throw new RangeError(`${descriptors.length} descriptors are too many`);
  payload.bytes.set(text);
  sendMessage(channel, text.length, descriptors);
}

/** Sends what stands in `payload` with descriptors. */
function sendMessage(channel: number, bytes: number, descriptors: readonly number[]): void {
  const controlBytes = descriptors.length === 0 ? 0 : CONTROL_HEADER + descriptors.length * 4;
  control.view.setBigUint64(0, BigInt(controlBytes), true);
  control.view.setInt32(8, SOL_SOCKET, true);
  control.view.setInt32(12, SCM_RIGHTS, true);
  for (const [index, fd] of descriptors.entries())
    control.view.setInt32(CONTROL_HEADER + index * 4, fd, true);
  // msg_controllen counts whole words.
  prepareHeader(bytes, Math.ceil(controlBytes / 8) * 8);
  if (Number(libc.sendmsg(channel, header.address, MSG_DONTWAIT | MSG_NOSIGNAL)) < 0)
    throw new SystemCallError("sendmsg", errno());
}

/**
 * Sends descriptors over a connected stream socket, in order, with empty lines. Never waits: throws SystemCallError
 * (EAGAIN) when the receiver has too many of them waiting, (EPIPE) when it is gone.
 */
export function sendDescriptorLines(socket: number, descriptors: readonly number[]): void {
  payload.bytes[0] = LINE_FEED;
  for (let from = 0; from < descriptors.length; from += MAX_DESCRIPTORS)
    sendMessage(socket, 1, descriptors.slice(from, from + MAX_DESCRIPTORS));
}

/** What came over a stream; `ended` = the other side has closed, and nothing more comes. */
export interface Received {
  readonly bytes: Uint8Array;
  readonly descriptors: readonly number[];
  readonly ended: boolean;
}

/** Takes what has come over a stream socket, without waiting; the descriptors belong to the caller. Throws SystemCallError. */
export function receiveWithDescriptors(socket: number): Received {
  const received = receiveMessage(socket);
  const length = Math.max(0, received);
  return {
    bytes: payload.bytes.slice(0, length),
    descriptors: length === 0 ? [] : receivedDescriptors(),
    ended: received === 0,
  };
}

/** Takes the next message into `payload` and `control`. Gives back its bytes, 0 at the end, -1 when none waits. */
function receiveMessage(channel: number): number {
  control.bytes.fill(0);
  prepareHeader(MAX_PAYLOAD_BYTES, CONTROL_BYTES);
  const received = Number(libc.recvmsg(channel, header.address, MSG_DONTWAIT | MSG_CMSG_CLOEXEC));
  if (received >= 0) return received;
  const code = errno();
  if (code === EAGAIN) return -1;
  throw new SystemCallError("recvmsg", code);
}

function receivedDescriptors(): number[] {
  const length = Number(control.view.getBigUint64(0, true));
  const isRights =
    control.view.getInt32(8, true) === SOL_SOCKET && control.view.getInt32(12, true) === SCM_RIGHTS;
  const count = isRights ? Math.max(0, Math.floor((length - CONTROL_HEADER) / 4)) : 0;
  return Array.from({ length: count }, (_, index) => control.view.getInt32(CONTROL_HEADER + index * 4, true));
}

/**
 * Takes the next message, or null when none waits or the sender is gone. The descriptors belong to the caller and are
 * closed on exec. Throws SystemCallError, and SyntaxError when the payload is not JSON.
 */
export function receiveDescriptors(channel: number): DescriptorMessage | null {
  const received = receiveMessage(channel);
  if (received <= 0) return null;
  const descriptors = receivedDescriptors();
  try {
    return { value: JSON.parse(new TextDecoder().decode(payload.bytes.subarray(0, received))), descriptors };
  } catch (error) {
    for (const fd of descriptors) libc.close(fd);
    throw error;
  }
}
