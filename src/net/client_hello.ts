/**
 * Reading the name that a client asks for from its first TLS message, before a context is chosen. Only what that needs
 * is read; whether the rest makes sense is for the TLS library, which gets the same bytes afterwards.
 */

/** Largest ClientHello that is read, as in common TLS libraries. */
export const MAX_CLIENT_HELLO_BYTES = 16_384;
/** Bytes from the network that hold one: each record may carry a single byte in theory, so records are limited too. */
export const MAX_CLIENT_HELLO_STREAM_BYTES = MAX_CLIENT_HELLO_BYTES + 4_096;

const RECORD_HEADER_BYTES = 5;
const HANDSHAKE_RECORD = 22;
const HANDSHAKE_HEADER_BYTES = 4;
const CLIENT_HELLO = 1;
/** legacy_version and random (RFC 8446 4.1.2). */
const FIXED_BYTES = 2 + 32;
const SERVER_NAME = 0;
const HOST_NAME = 0;
const MAX_RECORD_BYTES = 16_384;

/** Bytes that are no ClientHello. The message is one sentence for the log. */
export class ClientHelloError extends Error {
  /** The bytes are TLS: an alert will be understood. */
  readonly isTls: boolean;

  constructor(what: string, isTls: boolean) {
    super(`bad ClientHello: ${what}`);
    this.name = "ClientHelloError";
    this.isTls = isTls;
  }
}

/**
 * The server name (SNI, RFC 6066 3) at the start of a connection: in lower case, without a final dot, "" when the
 * client names none. Returns null while the message is not complete: call again with more bytes. Throws
 * ClientHelloError for anything but one ClientHello whose server name extension is well-formed.
 */
export function readServerName(bytes: Uint8Array): string | null {
  const message = handshakeMessage(bytes);
  return message === null ? null : serverName(message);
}

/**
 * The first handshake message without its header, joined from the records that carry it; null = incomplete. Nothing is
 * copied before it is complete, as this is asked for each segment, and a message can have a record for each byte.
 */
function handshakeMessage(bytes: Uint8Array): Uint8Array | null {
  const start = new Uint8Array(HANDSHAKE_HEADER_BYTES);
  let collected = 0;
  let wanted = -1;
  let at = 0;
  while (wanted < 0 || collected < wanted) {
    const length = recordLength(bytes, at);
    if (at > MAX_CLIENT_HELLO_STREAM_BYTES) throw new ClientHelloError("spread over too many records", true);
    const from = at + RECORD_HEADER_BYTES;
    const part = length < 0 ? 0 : Math.min(length, bytes.length - from);
    if (wanted < 0) {
      for (let k = 0; k < part && collected + k < HANDSHAKE_HEADER_BYTES; k++)
        start[collected + k] = bytes[from + k]!;
      wanted = messageLength(start.subarray(0, collected + part));
    }
    collected += part;
    if (length < 0 || part < length) return null;
    at = from + length;
  }
  return joinRecords(bytes, at, collected).subarray(HANDSHAKE_HEADER_BYTES, wanted);
}

/** What the records in `bytes[0..end)` carry, `size` bytes together. */
function joinRecords(bytes: Uint8Array, end: number, size: number): Uint8Array {
  if (size === end - RECORD_HEADER_BYTES) return bytes.subarray(RECORD_HEADER_BYTES, end);
  const joined = new Uint8Array(size);
  let filled = 0;
  for (let at = 0; at < end;) {
    const from = at + RECORD_HEADER_BYTES;
    at = from + recordLength(bytes, at);
    joined.set(bytes.subarray(from, at), filled);
    filled += at - from;
  }
  return joined;
}

/** Length of the record at `at`, -1 = its header is not complete. Throws when it is no handshake record. */
function recordLength(bytes: Uint8Array, at: number): number {
  if (at < bytes.length && bytes[at] !== HANDSHAKE_RECORD)
    throw new ClientHelloError(
      at === 0 ? "the connection does not speak TLS" : "another record inside",
      at > 0,
    );
  if (at + 1 < bytes.length && bytes[at + 1] !== 3)
    throw new ClientHelloError("the connection does not speak TLS", at > 0);
  if (at + RECORD_HEADER_BYTES > bytes.length) return -1;
  const length = (bytes[at + 3]! << 8) | bytes[at + 4]!;
  if (length === 0 || length > MAX_RECORD_BYTES)
    throw new ClientHelloError(`a record of ${length} bytes`, true);
  return length;
}

/** Length of the message with its header, -1 = not known yet. Throws when it is another message or too long. */
function messageLength(start: Uint8Array): number {
  if (start.length > 0 && start[0] !== CLIENT_HELLO)
    throw new ClientHelloError(`handshake message ${start[0]} comes first`, true);
  if (start.length < HANDSHAKE_HEADER_BYTES) return -1;
  const length = HANDSHAKE_HEADER_BYTES + ((start[1]! << 16) | (start[2]! << 8) | start[3]!);
  if (length > MAX_CLIENT_HELLO_BYTES)
    throw new ClientHelloError(`${length} bytes are over the limit of ${MAX_CLIENT_HELLO_BYTES}`, true);
  return length;
}

function serverName(message: Uint8Array): string {
  let at = FIXED_BYTES;
  at = skip(message, at, 1); // legacy_session_id
  at = skip(message, at, 2); // cipher_suites
  at = skip(message, at, 1); // legacy_compression_methods
  if (at === message.length) return "";
  const end = skip(message, at, 2);
  if (end !== message.length) throw malformed();
  let name = "";
  let found = false;
  for (at += 2; at < end;) {
    const next = skip(message, at + 2, 2);
    if (message[at] === 0 && message[at + 1] === SERVER_NAME) {
      if (found) throw new ClientHelloError("two server name extensions", true);
      found = true;
      name = hostName(message.subarray(at + 4, next));
    }
    at = next;
  }
  return name;
}

/** Position after a vector at `at` whose length takes `lengthBytes`. Throws when it does not fit. */
function skip(message: Uint8Array, at: number, lengthBytes: 1 | 2): number {
  const from = at + lengthBytes;
  if (from > message.length) throw malformed();
  const length = lengthBytes === 1 ? message[at]! : (message[at]! << 8) | message[at + 1]!;
  if (from + length > message.length) throw malformed();
  return from + length;
}

/** The one name of a ServerNameList; other kinds of names are not defined. */
function hostName(list: Uint8Array): string {
  const end = skip(list, 0, 2);
  if (end !== list.length || list.length < 5 || list[2] !== HOST_NAME || skip(list, 3, 2) !== end)
    throw new ClientHelloError("a server name extension that is not one host name", true);
  const name = list.subarray(5);
  if (name.length === 0 || name.length > 255)
    throw new ClientHelloError("a server name of wrong length", true);
  for (const byte of name)
    if (byte <= 32 || byte >= 127)
      throw new ClientHelloError("a server name with bytes that no name has", true);
  return Buffer.from(name.buffer, name.byteOffset, name.length)
    .latin1Slice()
    .toLowerCase()
    .replace(/\.$/, "");
}

function malformed(): ClientHelloError {
  return new ClientHelloError("lengths that do not fit", true);
}
