/**
 * The control socket of a supervisor: one JSON object per line in, one per line out. Only root and the user that the
 * supervisor runs as are heard, whatever the mode of the file (SO_PEERCRED).
 */
import { messageOf } from "../core/text/message_of.ts";
import { sendDescriptorLines } from "../platform/fd_passing.ts";
import { acceptOn, peerCredentials } from "../platform/sockets.ts";

/** A request, and what is read of a connection before it is served, has at most so many bytes. */
const REQUEST_BYTES = 64 * 1024;
/**
 * A client that does not read its answers is given up when one more is due and so many bytes are still unsent; a single
 * answer may be longer.
 */
const MAX_UNSENT_BYTES = 2 ** 20;
/** So is one of which more requests than this wait for the one before. */
const MAX_WAITING = 1_024;

export interface ControlRequest {
  readonly command: string;
}

/** Who asks. */
export interface ControlPeer {
  /** In words, for the log: `uid 0, pid 812`. */
  readonly name: string;
  /** Sends descriptors, which arrive before the answer. Throws SystemCallError when they cannot be sent. */
  sendDescriptors(descriptors: readonly number[]): void;
}

/** Carries out a request; what it gives back is the answer, what it throws becomes `{ok: false, error}`. */
export type ControlHandler = (request: ControlRequest, peer: ControlPeer) => Promise<object>;

interface Client {
  readonly name: string;
  /** Characters may stand in two chunks. */
  readonly decoder: TextDecoder;
  received: string;
  /** Requests of one connection are answered in order. */
  last: Promise<void>;
  waiting: number;
  unsent: Uint8Array;
}

export interface ControlServer {
  stop(): void;
}

/** Serves the listening socket `fd` and takes it over. */
export function serveControl(fd: number, handle: ControlHandler): ControlServer {
  const listener = acceptOn<Client | undefined>(fd, 16, {
    socket: {
      open(socket) {
        const peer = peerCredentials((socket as unknown as { fd: number }).fd);
        const client: Client = {
          name: peer === null ? "unknown" : `uid ${peer.uid}, pid ${peer.pid}`,
          decoder: new TextDecoder(),
          received: "",
          last: Promise.resolve(),
          waiting: 0,
          unsent: new Uint8Array(),
        };
        socket.data = client;
        if (peer === null || (peer.uid !== 0 && peer.uid !== process.geteuid?.())) {
          reply(socket, { ok: false, error: "only root and the user of the supervisor may give orders" });
          socket.end();
        }
      },
      data(socket, bytes) {
        const client = socket.data;
        if (client === undefined) return;
        client.received += client.decoder.decode(bytes, { stream: true });
        for (let end = client.received.indexOf("\n"); end >= 0; end = client.received.indexOf("\n")) {
          const line = client.received.slice(0, end);
          client.received = client.received.slice(end + 1);
          client.waiting++;
          client.last = client.last.then(() => answer(socket, line, handle));
        }
        if (client.waiting > MAX_WAITING) giveUp(socket);
        if (client.received.length <= REQUEST_BYTES) return;
        reply(socket, { ok: false, error: `a request has at most ${REQUEST_BYTES} bytes` });
        socket.end();
      },
      drain: flush,
      end(socket) {
        void socket.data?.last.then(() => socket.end());
      },
    },
  });
  return { stop: () => listener.stop() };
}

type ControlConnection = Bun.Socket<Client | undefined>;

async function answer(socket: ControlConnection, line: string, handle: ControlHandler): Promise<void> {
  const client = socket.data;
  // What a client has asked that was given up is not done.
  if (client === undefined) return;
  client.waiting--;
  const { fd } = socket as unknown as { fd: number };
  const peer: ControlPeer = {
    name: client.name,
    sendDescriptors: (descriptors) => sendDescriptorLines(fd, descriptors),
  };
  try {
    reply(socket, await handle(parseControlRequest(line), peer));
  } catch (error) {
    reply(socket, { ok: false, error: messageOf(error) });
  }
}

/** The request of a line. Throws an Error that says what a request is. */
export function parseControlRequest(line: string): ControlRequest {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new Error("a request is one JSON object on one line");
  }
  const command = (value as { command?: unknown } | null)?.command;
  if (typeof command !== "string") throw new Error('a request names its "command"');
  return value as ControlRequest;
}

function reply(socket: ControlConnection, value: object): void {
  const client = socket.data;
  if (client === undefined) return;
  if (client.unsent.length > MAX_UNSENT_BYTES) return giveUp(socket);
  client.unsent = Buffer.concat([client.unsent, Buffer.from(`${JSON.stringify(value)}\n`)]);
  flush(socket);
}

function giveUp(socket: ControlConnection): void {
  socket.data = undefined;
  socket.terminate();
}

function flush(socket: ControlConnection): void {
  const client = socket.data;
  if (client === undefined || client.unsent.length === 0) return;
  client.unsent = client.unsent.subarray(Math.max(0, socket.write(client.unsent)));
}
