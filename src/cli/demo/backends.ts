/** The backends of the demo: small HTTP servers in this process, reached over loopback like any other. */
import { DEMO_HOST, portOrAny } from "./addresses.ts";
import { PAGE } from "./page.ts";

const FIRST_PORT = 9101;
/** The second one has an address of its own, so that a name in the hosts file shows which one it leads to. */
const HOSTS = [DEMO_HOST, "127.0.0.2"];
const EVENTS = 5;
const EVENT_EVERY_MS = 1_000;
/** Seconds; longer than the proxy keeps an idle connection. */
const IDLE_SECONDS = 120;

/** A running backend. */
export interface DemoBackend {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  /** Closes the listener and all connections. */
  stop(): void;
}

interface EchoState {
  readonly id: string;
}

/** Starts a backend for each id, on the ports from 9101 on where they are free. */
export function startBackends(ids: readonly string[]): DemoBackend[] {
  return ids.map((id, index) => {
    const host = HOSTS[index] ?? DEMO_HOST;
    return startBackend(id, host, portOrAny(FIRST_PORT + index, host));
  });
}

function startBackend(id: string, host: string, port: number): DemoBackend {
  let healthy = true;
  const server = Bun.serve<EchoState>({
    hostname: host,
    port,
    idleTimeout: IDLE_SECONDS,
    async fetch(request, serving) {
      const { pathname } = new URL(request.url);
      switch (pathname) {
        case "/":
          return new Response(PAGE.replaceAll("{backend}", id), { headers: { "Content-Type": "text/html" } });
        case "/whoami":
          return new Response(`${id}\n`);
        case "/healthz":
          // Whoever switches the backend off speaks to it directly: through the proxy nobody knows which one answers.
          if (request.method === "POST" && !request.headers.has("via"))
            healthy = (await request.text()).trim() !== "down";
          return new Response(healthy ? "healthy\n" : "down\n", { status: healthy ? 200 : 503 });
        case "/events":
          return new Response(events(id) as never, { headers: { "Content-Type": "text/event-stream" } });
        case "/echo":
          if (serving.upgrade(request, { data: { id } })) return undefined;
          return new Response("a WebSocket is expected here\n", { status: 426 });
        default:
          return describe(id, request);
      }
    },
    websocket: {
      open: (socket) => void socket.send(`${socket.data.id} repeats what you say`),
      message: (socket, message) => void socket.send(message),
    },
  });
  return { id, host, port: server.port!, stop: () => void server.stop(true) };
}

async function* events(id: string): AsyncGenerator<string> {
  for (let count = 1; count <= EVENTS; count++) {
    yield `data: ${id} says ${count} of ${EVENTS}\n\n`;
    if (count < EVENTS) await Bun.sleep(EVENT_EVERY_MS);
  }
}

/** What has arrived here, so that one sees what the proxy makes of a request. */
async function describe(id: string, request: Request): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const { length } = await request.bytes();
  const seen = {
    backend: id,
    method: request.method,
    target: pathname + search,
    headers: Object.fromEntries(request.headers),
    body_bytes: length,
  };
  return new Response(`${JSON.stringify(seen, null, 2)}\n`, {
    headers: { "Content-Type": "application/json" },
  });
}
