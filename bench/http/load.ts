/** The load: wrk, or the bench's own client for TLS with a new connection per request. Runs until it is stopped. */
import { join } from "node:path";
import { LineReader } from "../support/lines.ts";
import { PinnedProgram } from "../support/pinned_program.ts";
import type { Cell } from "./cells.ts";
import type { Places } from "./peer.ts";
import {
  ASKED_ROUTE,
  LOAD_CORE,
  routeHost,
  routePrefix,
  SERVER_NAME,
  TLS_CIPHER,
  TLS_CURVE,
} from "./settings.ts";
import type { Workplace } from "./workplace.ts";

const LONGEST_S = 600;
const STOP_MS = 15_000;

export interface LoadReport {
  readonly seconds: number;
  readonly requests: number;
  /** Connections and requests that failed, and answers with a status of 400 and above. */
  readonly failed: number;
  /** What failed, in words; "" when nothing did. */
  readonly failure: string;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Share of TLS handshakes that resumed a session, not counting the first of each connection; null without TLS. */
  readonly resumedShare: number | null;
}

/** Reads the line that native/wrk.lua makes wrk print. Throws Error for another line. */
export function parseWrkReport(line: string): LoadReport {
  if (!line.startsWith("result {")) throw new Error(`not a report of wrk: ${line}`);
  const report = JSON.parse(line.slice("result ".length)) as Record<string, number>;
  const kinds = ["connect", "read", "write", "status", "timeout"];
  return {
    seconds: report["seconds"]!,
    requests: report["requests"]!,
    failed: kinds.reduce((sum, kind) => sum + report[kind]!, 0),
    failure: kinds
      .filter((kind) => report[kind]! > 0)
      .map((kind) => `${report[kind]} ${kind}`)
      .join(", "),
    p50Us: report["p50_us"]!,
    p99Us: report["p99_us"]!,
    resumedShare: null,
  };
}

/** Reads the JSON that native/load_client.c prints for `renew`; `connections` as it was told. */
export function parseClientReport(line: string, connections: number): LoadReport {
  const report = JSON.parse(line) as Record<string, number> & { failure: string };
  const handshakes = report["handshakes"]!;
  const later = Math.max(0, handshakes - connections);
  return {
    seconds: report["seconds"]!,
    requests: report["requests"]!,
    failed: report["failed"]!,
    failure: report["failed"]! > 0 ? report.failure : "",
    p50Us: report["p50_us"]!,
    p99Us: report["p99_us"]!,
    resumedShare: later === 0 ? null : report["resumed"]! / later,
  };
}

/** OpenSSL's settings for wrk, which has none of its own. */
export const WRK_OPENSSL = `openssl_conf = start
[start]
ssl_conf = ssl
[ssl]
system_default = default
[default]
MinProtocol = TLSv1.3
MaxProtocol = TLSv1.3
Ciphersuites = ${TLS_CIPHER}
Groups = ${TLS_CURVE}
`;

export class Load {
  readonly #program: PinnedProgram;
  readonly #lines: LineReader;
  readonly #cell: Cell;
  readonly #isWrk: boolean;

  /** Starts the load of a cell on a peer. */
  constructor(cell: Cell, { plainPort, tlsPort }: Places, workplace: Workplace) {
    this.#cell = cell;
    this.#isWrk = cell.renew === "no" || cell.renew === "plain";
    const port = cell.secure ? tlsPort : plainPort;
    this.#program = new PinnedProgram({
      core: LOAD_CORE,
      command: this.#isWrk ? wrkCommand(cell, port) : clientCommand(cell, port, workplace.tools),
      cwd: workplace.directory,
      env: { OPENSSL_CONF: join(workplace.directory, "wrk.cnf") },
      logFile: join(workplace.directory, "load.output"),
      pipes: true,
    });
    this.#lines = new LineReader(this.#program.stdout!);
  }

  get ended(): boolean {
    return this.#program.ended;
  }

  /** Ends the load. Throws Error when it leaves no report. */
  async stop(): Promise<LoadReport> {
    if (this.#isWrk) this.#program.signal("SIGINT");
    else await this.#program.stdin!.end();
    try {
      for (;;) {
        const line = await this.#lines.next(STOP_MS);
        if (!this.#isWrk) return parseClientReport(line, this.#cell.connections);
        if (line.startsWith("result ")) return parseWrkReport(line);
      }
    } finally {
      await this.#program.stop();
    }
  }
}

/** The text of route 0 as a format for Lua. */
const numbered = (text: string): string => text.replace(/0+/, (zeros) => `%0${zeros.length}d`);

function wrkCommand(cell: Cell, port: number): string[] {
  const url = cell.secure ? `https://${SERVER_NAME}:${port}` : `http://127.0.0.1:${port}`;
  const args = ["wrk", "-t1", `-c${cell.connections}`, `-d${LONGEST_S}s`, "--timeout", "20s"];
  args.push("-H", `Host: ${routeHost(ASKED_ROUTE)}`);
  if (cell.renew === "plain") args.push("-H", "Connection: close");
  args.push("-s", join(import.meta.dir, "native/wrk.lua"), `${url}${cell.path}`);
  if (cell.uploadBytes > 0) args.push("--", "upload", String(cell.uploadBytes));
  else if (cell.asks === "all") {
    const named = cell.routedBy === "host" ? routeHost(0) : routePrefix(0) + cell.path.slice(1);
    args.push("--", cell.routedBy === "host" ? "hosts" : "paths", String(cell.routes), numbered(named));
  }
  return args;
}

function clientCommand(cell: Cell, port: number, tools: string): string[] {
  const resume = cell.renew === "resumed" ? 1 : 0;
  const what = `port=${port} host=${routeHost(ASKED_ROUTE)} path=${cell.path} body=${cell.bodyBytes}`;
  const how = `connections=${cell.connections} name=${SERVER_NAME} tls=1.3 resume=${resume}`;
  return [join(tools, "load_client"), "renew", ...what.split(" "), ...how.split(" ")];
}
