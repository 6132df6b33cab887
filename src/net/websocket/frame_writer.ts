/** Frames of a WebSocket server (RFC 6455 5.2): whole messages, never masked. */
import { CLOSE, CLOSE_CODES } from "./frame_reader.ts";

const MAX_REASON_BYTES = 123;
const utf8 = new TextEncoder();

/** The frame of a whole message or of a control frame. */
export function frame(opcode: number, payload: Uint8Array): Uint8Array {
  const { length } = payload;
  const headBytes = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const bytes = new Uint8Array(headBytes + length);
  bytes[0] = 0x80 | opcode;
  if (headBytes === 2) bytes[1] = length;
  else {
    const view = new DataView(bytes.buffer);
    bytes[1] = headBytes === 4 ? 126 : 127;
    if (headBytes === 4) view.setUint16(2, length);
    else view.setBigUint64(2, BigInt(length));
  }
  bytes.set(payload, headBytes);
  return bytes;
}

export function textFrame(opcode: number, text: string): Uint8Array {
  return frame(opcode, utf8.encode(text));
}

/** `code` none: a close without a code. A reason that is too long for a control frame is left out. */
export function closeFrame(code: number, reason = ""): Uint8Array {
  if (code === CLOSE_CODES.none) return frame(CLOSE, new Uint8Array(0));
  const text = utf8.encode(reason);
  const told = text.length > MAX_REASON_BYTES ? new Uint8Array(0) : text;
  const payload = new Uint8Array(2 + told.length);
  new DataView(payload.buffer).setUint16(0, code);
  payload.set(told, 2);
  return frame(CLOSE, payload);
}
