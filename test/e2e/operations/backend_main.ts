/** A backend in a process of its own, over bare sockets: `backend_main.ts PORT` (0 = any). See `bodies.ts`. */
import { bodyOf, isPartOf } from "./bodies.ts";
import type { FromBackend } from "./messages.ts";

const EVENT_EVERY_MS = 200;

interface Connection {
  /** Bytes of a head that is not complete. */
  head: Buffer | null;
  /** Of the body that comes: its request, what has come of it, what is still to come. */
  id: number;
  taken: number;
  left: number;
  right: boolean;
  tunnel: boolean;
  events: number;
  /** What the kernel has not taken yet. */
  waiting: Buffer | null;
}

type Socket = Bun.Socket<Connection>;

const counts = { gets: 0, posts: 0, wrongBodies: 0 };
const streams = new Set<Socket>();

function send(socket: Socket, bytes: Buffer): void {
  const { data } = socket;
  if (data.waiting !== null) {
    data.waiting = Buffer.concat([data.waiting, bytes]);
    return;
  }
  const taken = Math.max(0, socket.write(bytes));
  if (taken < bytes.length) data.waiting = Buffer.from(bytes.subarray(taken));
}

const text = (socket: Socket, head: string): void => send(socket, Buffer.from(head, "latin1"));

/** Handles a head that ends at `end` of `bytes`. */
function answer(socket: Socket, head: string): void {
  const { data } = socket;
  const [, method, kind, id = "0", size = "0"] = /^(\S+) \/(\w+)(?:\/(\d+)\/(\d+))? HTTP/.exec(head) ?? [];
  switch (kind) {
    case "get": {
      counts.gets++;
      const body = bodyOf(Number(id), Number(size));
      const fields = `HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`;
      send(socket, Buffer.concat([Buffer.from(fields, "latin1"), body]));
      return;
    }
    case "post":
      data.id = Number(id);
      data.left = Number(size);
      data.taken = 0;
      data.right = method === "POST";
      return;
    case "ws":
      data.tunnel = true;
      text(socket, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
      return;
    case "events":
      text(
        socket,
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
      );
      streams.add(socket);
      return;
    default:
      text(socket, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  }
}

function takeBody(socket: Socket, bytes: Buffer): number {
  const { data } = socket;
  const part = bytes.subarray(0, data.left);
  if (!isPartOf(data.id, data.taken, part)) data.right = false;
  data.taken += part.length;
  data.left -= part.length;
  if (data.left > 0) return part.length;
  counts.posts++;
  if (!data.right) counts.wrongBodies++;
  const said = data.right ? `ok ${data.id}` : `wrong ${data.id}`;
  text(socket, `HTTP/1.1 ${data.right ? 200 : 422} Taken\r\nContent-Length: ${said.length}\r\n\r\n${said}`);
  return part.length;
}

function receive(socket: Socket, bytes: Buffer): void {
  const { data } = socket;
  if (data.tunnel) return send(socket, Buffer.from(bytes));
  for (let rest = bytes; rest.length > 0;) {
    if (data.left > 0) {
      rest = rest.subarray(takeBody(socket, rest));
      continue;
    }
    const all: Buffer = data.head === null ? rest : Buffer.concat([data.head, rest]);
    const end = all.indexOf("\r\n\r\n");
    if (end < 0) {
      data.head = Buffer.from(all);
      return;
    }
    data.head = null;
    rest = all.subarray(end + 4);
    answer(socket, all.latin1Slice(0, end));
    if (data.tunnel) return rest.length > 0 ? send(socket, Buffer.from(rest)) : undefined;
  }
}

const server = Bun.listen<Connection>({
  hostname: "127.0.0.1",
  port: Number(process.argv[2]),
  socket: {
    open: (socket) => {
      socket.data = {
        head: null,
        id: 0,
        taken: 0,
        left: 0,
        right: true,
        tunnel: false,
        events: 0,
        waiting: null,
      };
    },
    data: (socket, bytes) => receive(socket, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)),
    drain: (socket) => {
      const { waiting } = socket.data;
      socket.data.waiting = null;
      if (waiting !== null) send(socket, waiting);
    },
    close: (socket) => void streams.delete(socket),
    error: () => {},
  },
});

setInterval(() => {
  for (const socket of streams) {
    const event = `data: ${++socket.data.events}\n\n`;
    text(socket, `${event.length.toString(16)}\r\n${event}\r\n`);
  }
}, EVENT_EVERY_MS);

const say = (message: FromBackend): void => void process.send?.(message);
process.on("message", () => say({ type: "counts", ...counts }));
process.on("disconnect", () => process.exit(0));
say({ type: "listening", port: server.port });
