/** The opening handshake of a WebSocket server (RFC 6455 4.2). */
import { createHash } from "node:crypto";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const VERSION = "13";
/** 16 bytes in base64. */
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;

export type Handshake =
  /** Lines of the answer 101. */
  { readonly fields: string } | { readonly problem: "version" | "key" };

/** `field` gives the first value of a field by its name in lower case, or null. The request asked for an upgrade to websocket. */
export function webSocketHandshake(field: (name: string) => string | null): Handshake {
  if (field("sec-websocket-version") !== VERSION) return { problem: "version" };
  const key = field("sec-websocket-key");
  if (key === null || !KEY.test(key)) return { problem: "key" };
  const accept = createHash("sha1").update(`${key}${GUID}`).digest("base64");
  return { fields: `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n` };
}

/** Line of an answer 426 that says which version is spoken. */
export const VERSION_LINE = `Sec-WebSocket-Version: ${VERSION}\r\n`;
