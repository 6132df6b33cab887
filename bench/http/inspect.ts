/** What a peer does with one request, byte for byte: before anything is measured. */
import { createHash, randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Backends } from "./backends.ts";
import type { FoundPeer } from "./programs.ts";
import { rawRequest } from "./raw_http.ts";
import type { Inspection } from "./result.ts";
import { RunningPeer, type PeerSettings } from "./running_peer.ts";
import {
  ASKED_ROUTE,
  BODIES,
  FEW_ROUTES,
  routeHost,
  SERVER_NAME,
  TLS_CIPHER,
  TLS_CURVE,
  UPLOAD_BYTES,
} from "./settings.ts";

const SHAPE = { workers: 1, routes: FEW_ROUTES, routedBy: "host", tls: true } as const;
const LOG_LIMIT_MS = 5_000;

/** Fields that every peer must set in requests to backends. */
const REQUIRED: readonly { readonly name: string; readonly value: RegExp }[] = [
  // For clients on the loopback, Envoy names the machine's own address.
  { name: "x-forwarded-for", value: /^\d+\.\d+\.\d+\.\d+$/ },
  { name: "x-forwarded-proto", value: /^http$/ },
  { name: "x-forwarded-host", value: /^service-\d+\.bench\.example$/ },
  { name: "x-forwarded-port", value: /^\d+$/ },
  { name: "x-request-id", value: /^[\w-]{32,36}$/ },
  { name: "via", value: /^(?:HTTP\/)?1\.1 \w+$/ },
];

/** The fields in a head that are missing or wrong, in words. Names are compared without case. */
export function missingFields(head: string): string[] {
  const lines = head.split("\r\n").slice(1);
  return REQUIRED.flatMap(({ name, value }) => {
    const found = lines.filter((line) => line.toLowerCase().startsWith(`${name}:`));
    const text = found[0]?.slice(name.length + 1).trim();
    if (text === undefined) return [`${name} is missing`];
    if (found.length > 1) return [`${name} stands ${found.length} times`];
    return value.test(text) ? [] : [`${name} is ${text}`];
  });
}

/** A backend that keeps the last request as it came. */
class Recorder {
  last = "";
  readonly #server = Bun.listen<{ text: string }>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open: (socket) => {
        socket.data = { text: "" };
      },
      data: (socket, chunk) => {
        socket.data.text += chunk.toString("latin1");
        const end = socket.data.text.indexOf("\r\n\r\n");
        if (end < 0) return;
        this.last = socket.data.text.slice(0, end + 4);
        socket.data.text = "";
        const body = "x".repeat(25);
        socket.write(
          `HTTP/1.1 200 OK\r\nDate: ${new Date().toUTCString()}\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
        );
      },
    },
  });

  get port(): number {
    return this.#server.port;
  }

  stop(): void {
    this.#server.stop(true);
  }
}

/** Waits for the last line of the access log that is about the asked route, or returns "". */
async function lastLogLine(running: RunningPeer): Promise<string> {
  const end = performance.now() + LOG_LIMIT_MS;
  for (;;) {
    const text = existsSync(running.accessLog) ? readFileSync(running.accessLog, "utf8") : "";
    const line = text.trimEnd().split("\n").at(-1) ?? "";
    if (line.includes("/inspected") || performance.now() > end) return line;
    await Bun.sleep(50);
  }
}

function tlsOf(port: number): string {
  const command = ["openssl", "s_client", "-connect", `127.0.0.1:${port}`, "-servername", SERVER_NAME];
  const offered = ["-tls1_3", "-ciphersuites", TLS_CIPHER, "-groups", TLS_CURVE];
  const result = Bun.spawnSync([...command, ...offered], {
    stdio: [Buffer.from(""), "pipe", "ignore"],
    timeout: 10_000,
  });
  const text = result.stdout.toString();
  const cipher = /New, (\S+), Cipher is (\S+)/.exec(text);
  const curve = /Server Temp Key: (\w+)/.exec(text)?.[1];
  const key = /Peer signature type: (\w+)/.exec(text)?.[1];
  const chain = text.match(/^ ?\d s:/gm)?.length ?? 0;
  return cipher === null ? "no handshake" : `${cipher[1]} ${cipher[2]} ${curve} ${key}, chain of ${chain}`;
}

/** Sends one request through a peer to a backend that records it. */
async function inspect(found: FoundPeer, settings: PeerSettings, problems: string[]): Promise<Inspection> {
  const recorders = [new Recorder(), new Recorder()] as const;
  let running: RunningPeer | null = null;
  try {
    const backends = [recorders[0].port, recorders[1].port] as const;
    running = await RunningPeer.start(found, SHAPE, { ...settings, backends });
    for (const recorder of recorders) recorder.last = "";
    const request = `GET /inspected?x=1 HTTP/1.1\r\nHost: ${routeHost(ASKED_ROUTE)}\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n`;
    const answer = await rawRequest(running.places.plainPort, false, request);
    const received = recorders.map(({ last }) => last).find((text) => text.includes("/inspected")) ?? "";
    problems.push(...missingFields(received).map((text) => `request to the backend: ${text}`));
    if (!/^via:/im.test(answer.head)) problems.push("answer: via is missing");
    return {
      request,
      received,
      answer: answer.head + answer.body.toString("latin1"),
      accessLogLine: await lastLogLine(running),
      tls: tlsOf(running.places.tlsPort),
    };
  } finally {
    await running?.stop();
    for (const recorder of recorders) recorder.stop();
  }
}

const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** Every body both ways, plain and TLS, byte for byte. */
async function compareBodies(
  running: RunningPeer,
  { workplace }: PeerSettings,
  problems: string[],
): Promise<void> {
  for (const secure of [false, true]) {
    const kind = secure ? "TLS" : "plain";
    for (const path of Object.keys(BODIES)) {
      const answer = await running.get(path, secure).catch((error: Error) => error);
      if (answer instanceof Error) problems.push(`${kind} ${path}: ${answer.message}`);
      else if (digest(answer.body) !== digest(readFileSync(join(workplace.bodies, path))))
        problems.push(`${kind} ${path}: status ${answer.status}, the body is another one`);
    }
    const body = randomBytes(UPLOAD_BYTES);
    const head = `POST /keep HTTP/1.1\r\nHost: ${routeHost(ASKED_ROUTE)}\r\nContent-Length: ${body.length}\r\n\r\n`;
    const port = secure ? running.places.tlsPort : running.places.plainPort;
    const answer = await rawRequest(port, secure, head, body).catch((error: Error) => error);
    const kept = keptBodies(join(workplace.directory, "backend.bodies"));
    if (answer instanceof Error) problems.push(`${kind} POST: ${answer.message}`);
    else if (answer.status !== 200 || !kept.includes(digest(body)))
      problems.push(`${kind} POST: status ${answer.status}, the backend got another body`);
  }
}

/** Digests of the bodies that the backend has kept. */
function keptBodies(directory: string): string[] {
  return readdirSync(directory, { recursive: true })
    .map((name) => join(directory, String(name)))
    .filter((path) => statSync(path).isFile())
    .map((path) => digest(readFileSync(path)));
}

/** Requests must reach both backends about evenly. */
async function compareBackends(running: RunningPeer, backends: Backends, problems: string[]): Promise<void> {
  const seen = new Map<string, number>();
  for (let index = 0; index < 10; index++) {
    const port = (await running.get("/port", false)).body.toString();
    seen.set(port, (seen.get(port) ?? 0) + 1);
  }
  const counts = backends.ports.map((port) => seen.get(String(port)) ?? 0);
  if (Math.min(...counts) < 4)
    problems.push(`ten requests reached the backends ${counts.join(" and ")} times`);
}

export interface Checked {
  readonly inspection: Inspection | null;
  readonly problems: string[];
}

/** Checks one peer. Never throws: what is wrong stands in the problems. */
export async function checkPeer(
  found: FoundPeer,
  settings: PeerSettings,
  backends: Backends,
): Promise<Checked> {
  const problems: string[] = [];
  let inspection: Inspection | null = null;
  let running: RunningPeer | null = null;
  try {
    inspection = await inspect(found, settings, problems);
    running = await RunningPeer.start(found, SHAPE, settings);
    await compareBodies(running, settings, problems);
    await compareBackends(running, backends, problems);
    if (!inspection.tls.includes(TLS_CIPHER) || !inspection.tls.includes(TLS_CURVE))
      problems.push(`TLS: ${inspection.tls}`);
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error));
  } finally {
    await running?.stop();
  }
  return { inspection, problems };
}
