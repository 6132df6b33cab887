/** A request written as bytes, and the answer as bytes: nothing in between that tidies up. */
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { SERVER_NAME } from "./settings.ts";

const LIMIT_MS = 20_000;

export interface RawAnswer {
  readonly status: number;
  /** Up to and with the empty line. */
  readonly head: string;
  readonly body: Buffer;
}

/** Sends bytes to a port of 127.0.0.1 and reads one answer with Content-Length (none = no body). Rejects after 20 s. */
export function rawRequest(
  port: number,
  secure: boolean,
  request: string,
  body?: Uint8Array,
): Promise<RawAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<RawAnswer>();
  const chunks: Buffer[] = [];
  const socket: Socket = secure
    ? connectTls({ host: "127.0.0.1", port, servername: SERVER_NAME, rejectUnauthorized: false })
    : connectTcp({ host: "127.0.0.1", port });
  socket.setTimeout(LIMIT_MS, () => socket.destroy(new Error(`no answer within ${LIMIT_MS / 1_000} s`)));
  let size = 0;
  let end = -1;
  let total = Infinity;
  socket.once(secure ? "secureConnect" : "connect", () => {
    socket.write(Buffer.from(request, "latin1"));
    if (body !== undefined) socket.write(body);
  });
  socket.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    size += chunk.length;
    if (end < 0) {
      const text = Buffer.concat(chunks).latin1Slice();
      end = text.indexOf("\r\n\r\n");
      if (end < 0) return;
      total = end + 4 + Number(/^content-length:\s*(\d+)/im.exec(text.slice(0, end))?.[1] ?? 0);
    }
    if (size < total) return;
    const whole = Buffer.concat(chunks);
    const head = whole.latin1Slice(0, end + 4);
    resolve({ status: Number(head.slice(9, 12)), head, body: whole.subarray(end + 4) });
    socket.destroy();
  });
  socket.on("error", reject);
  socket.on("close", () => reject(new Error("closed before the end of an answer")));
  return promise;
}
