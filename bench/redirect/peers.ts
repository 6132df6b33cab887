/**
 * The programs that answer: each sends a client to the place of its key, and writes a line per answer with the same fields as in the
 * bench of HTTP.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "../http/ports.ts";
import type { FoundPeer } from "../http/programs.ts";
import { rawRequest } from "../http/raw_http.ts";
import type { Workplace } from "../http/workplace.ts";
import { PinnedProgram } from "../support/pinned_program.ts";
import { readUsage } from "../support/process_tree.ts";
import { keyOf, PARAMETER, targetOf } from "./models.ts";

const START_MS = 60_000;
export const PATH = `/serviceDirect/a1?${PARAMETER}=`;

export interface Place {
  readonly directory: string;
  readonly port: number;
  readonly rules: number;
  readonly workers: number;
  /** Of the section `a1`, for Fairlead. */
  readonly app?: string;
}

interface Prepared {
  readonly words: readonly string[];
  readonly stdoutFile?: string;
}

const eachKey = ({ rules }: Place, line: (index: number) => string): string =>
  Array.from({ length: rules }, (_, index) => line(index)).join("\n");

function nginx(binary: string, place: Place): Prepared {
  const { directory, port, workers } = place;
  const config = join(directory, "nginx.conf");
  writeFileSync(
    config,
    `worker_processes ${workers};
daemon off;
pid ${directory}/nginx.pid;
error_log ${directory}/error.log warn;
events { worker_connections 4096; }
http {
    log_format fields escape=json
        '{"time":"$time_iso8601","id":"$request_id","client":"$remote_addr","method":"$request_method",'
        '"host":"$http_host","path":"$request_uri","protocol":"$server_protocol","status":$status,'
        '"bytes_in":$request_length,"bytes_out":$bytes_sent,"duration_s":$request_time,'
        '"connect_s":"$upstream_connect_time","first_byte_s":"$upstream_header_time",'
        '"route":"$server_name","pool":"$proxy_host","backend":"$upstream_addr","tls":"$ssl_protocol",'
        '"user_agent":"$http_user_agent"}';
    access_log ${directory}/access.log fields buffer=64k flush=1s;
    keepalive_requests 1000000000;
    map_hash_max_size 65536;
    map_hash_bucket_size 128;
    map $arg_${PARAMETER} $target {
        default http://10.0.0.1:8080/app;
${eachKey(place, (index) => `        ${keyOf(index)} ${targetOf(index)};`)}
    }
    server {
        listen 127.0.0.1:${port} backlog=4096;
        location = /serviceDirect/a1 { add_header Cache-Control no-store always; return 302 $target; }
    }
}
`,
  );
  return { words: [binary, "-p", directory, "-c", config] };
}

function haproxy(binary: string, place: Place): Prepared {
  const { directory, port, workers } = place;
  const config = join(directory, "haproxy.cfg");
  writeFileSync(
    join(directory, "targets.map"),
    `${eachKey(place, (index) => `${keyOf(index)} ${targetOf(index)}`)}\n`,
  );
  writeFileSync(
    config,
    `global
    nbthread ${workers}
    maxconn 4096
    # Standard output is the file of the access log.
    log stdout len 1024 format raw local0
defaults
    mode http
    log global
    timeout connect 5s
    timeout client 60s
    timeout server 30s
    timeout http-keep-alive 75s
frontend web
    bind 127.0.0.1:${port} backlog 4096
    http-request set-var(txn.host) req.hdr(host)
    http-request set-var(txn.agent) req.hdr(user-agent)
    unique-id-format %[uuid()]
    log-format '{"time":"%[date,utime(%Y-%m-%dT%H:%M:%SZ)]","id":"%ID","client":"%ci","method":"%HM","host":"%[var(txn.host),json(utf8s)]","path":"%HU","protocol":"%HV","status":%ST,"bytes_in":%U,"bytes_out":%B,"duration_ms":%Ta,"queue_ms":%Tw,"connect_ms":%Tc,"first_byte_ms":%Tr,"route":"%f","pool":"%b","backend":"%s","retries":"%rc","reason":"%ts","tls":"%sslv","user_agent":"%[var(txn.agent),json(utf8s)]"}'
    http-request redirect code 302 location %[url_param(${PARAMETER}),map_str(${directory}/targets.map,http://10.0.0.1:8080/app)] if { path /serviceDirect/a1 }
`,
  );
  return { words: [binary, "-db", "-f", config], stdoutFile: join(directory, "access.log") };
}

function fairlead(binary: string, { directory, port, workers, app = "{}" }: Place): Prepared {
  const config = join(directory, "fairlead.yaml");
  // Not beside the configuration, whose directory is watched.
  const logs = join(directory, "logs");
  mkdirSync(logs, { recursive: true });
  writeFileSync(
    config,
    `workers: ${workers}
runtime_dir: ${directory}/run
state_dir: ${directory}/state
redirect: { address: "127.0.0.1:${port}", max_model_bytes: 256MiB, apps: { a1: ${app} } }
observability: { access_log: { path: "${logs}/access.log" } }
admin: { address: "127.0.0.1:0" }
`,
  );
  return { words: [binary, "run", "--config", config] };
}

const PREPARE: Readonly<Record<string, (binary: string, place: Place) => Prepared>> = {
  nginx,
  haproxy,
  fairlead,
  base: fairlead,
};

let places = 0;

export class RunningRedirector {
  readonly place: Place;
  readonly #program: PinnedProgram;

  private constructor(place: Place, program: PinnedProgram) {
    this.place = place;
    this.#program = program;
  }

  /** Starts the program on the cores `core`. Resolves when its port is open. Throws Error when it ends instead. */
  static async start(
    { peer, binary }: FoundPeer,
    wanted: Omit<Place, "directory" | "port">,
    core: number | string,
    workplace: Workplace,
  ): Promise<RunningRedirector> {
    const directory = workplace.make(`redirect-${++places}-${peer.name}`);
    const place: Place = { ...wanted, directory, port: freePorts(1)[0]! };
    const { words, stdoutFile } = PREPARE[peer.name]!(binary, place);
    const program = new PinnedProgram({
      core,
      command: words,
      cwd: directory,
      logFile: join(directory, "output"),
      stdoutFile,
    });
    const running = new RunningRedirector(place, program);
    await running.until(() => true);
    program.noteTree();
    return running;
  }

  get pid(): number {
    return this.#program.pid;
  }

  get stateDirectory(): string {
    return join(this.place.directory, "state");
  }

  /** CPU microseconds of all its processes so far. */
  cpuUs(): number {
    const { userUs, systemUs } = readUsage([this.pid]);
    return userUs + systemUs;
  }

  async ask(key: string): Promise<{ readonly status: number; readonly head: string }> {
    return await rawRequest(
      this.place.port,
      false,
      `GET ${PATH}${key} HTTP/1.1\r\nHost: bench.example\r\n\r\n`,
    );
  }

  /** Asks until an answer is as wanted. */
  async until(
    isWanted: (answer: { status: number; head: string }) => boolean,
    key = keyOf(0),
  ): Promise<void> {
    for (const end = performance.now() + START_MS; ; await Bun.sleep(20)) {
      const answer = await this.ask(key).catch(() => null);
      if (answer !== null && isWanted(answer)) return;
      if (this.#program.ended || performance.now() > end)
        throw new Error(`${this.place.directory}: the program does not answer as it should`);
    }
  }

  stop(): Promise<void> {
    return this.#program.stop();
  }
}
