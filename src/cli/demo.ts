/** `fairlead demo`: small backends and a Fairlead before them, to look at and to try out. */
import { messageOf } from "../core/text/message_of.ts";
import { readFileSync } from "node:fs";
import type { RunEvent } from "../run/events.ts";
import { readOptions, usageError, type Output } from "./command.ts";
import { DEMO_HOST } from "./demo/addresses.ts";
import { startBackends, type DemoBackend } from "./demo/backends.ts";
import { readCounts } from "./demo/counts.ts";
import { instructions, type DemoPorts } from "./demo/instructions.ts";
import { makePlace, type DemoPlace } from "./demo/place.ts";
import { DemoScreen } from "./demo/screen.ts";
import { startTraffic } from "./demo/traffic.ts";
import type { ProgramParts } from "./program_parts.ts";
import { runCommand } from "./run.ts";

const HELP = `usage: fairlead demo [--traffic N] [--workers N]

Starts three small backends and a Fairlead before them (HTTP, TLS, a WebSocket, health checks), on 127.0.0.1 alone. Says
what to open and to try, and shows live counts until Ctrl-C or SIGTERM. Everything that it makes is removed then.

      --traffic N   send N requests per second (default: 0)
      --workers N   number of worker processes, or auto; 0 = everything in one process (default: 2)
  -h, --help        print this

examples:
  npm start
  npm start -- --traffic 50

exit code: 0 after Ctrl-C or SIGTERM, 1 when something could not be started
`;

const BACKENDS = ["site1", "site2", "api1"];
const SHOW_EVERY_MS = 1_000;
const MOST_TRAFFIC = 10_000;
/** Of terminals that do not tell theirs. */
const USUAL_COLUMNS = 80;
/** Events of the program that the instructions, or the counts, already tell. */
const QUIET_EVENTS: ReadonlySet<string> = new Set([
  "health_changed",
  "listening",
  "ready",
  "worker_ready",
  "stopped",
]);

/** Runs the command with the arguments behind `demo`. Resolves with the exit code when the demo has ended. */
export async function demoCommand(
  args: readonly string[],
  program: ProgramParts,
  output: Output,
): Promise<number> {
  const options = {
    traffic: { type: "string", default: "0" },
    workers: { type: "string", default: "2" },
  } as const;
  const given = readOptions("demo", HELP, args, options, output);
  if (typeof given === "number") return given;
  const traffic = Number(given.traffic);
  if (!(traffic >= 0 && traffic <= MOST_TRAFFIC))
    return usageError(
      "demo",
      `--traffic ${given.traffic}: expected requests per second, at most ${MOST_TRAFFIC}`,
      output,
    );
  if (!/^(?:auto|\d{1,3})$/.test(given.workers))
    return usageError("demo", `--workers ${given.workers}: expected a number or auto`, output);
  endWithTerminal();
  const backends = startBackends(BACKENDS);
  let place: DemoPlace | null = null;
  try {
    place = makePlace(backends, given.workers);
    return await new Demo(place, backends, traffic, output).run(program);
  } catch (error) {
    output.error(`fairlead demo: ${messageOf(error)}\n`);
    return 1;
  } finally {
    for (const backend of backends) backend.stop();
    place?.remove();
  }
}

/** A demo whose terminal or pipe has gone ends, as nobody looks any more. */
function endWithTerminal(): void {
  const end = (): void => void process.kill(process.pid, "SIGTERM");
  process.stdout.once("error", end);
  if (process.stdout.isTTY) process.once("SIGHUP", end);
}

class Demo {
  readonly #place: DemoPlace;
  readonly #backends: readonly DemoBackend[];
  readonly #traffic: number;
  readonly #screen: DemoScreen;
  #stopShowing = (): void => {};

  constructor(place: DemoPlace, backends: readonly DemoBackend[], traffic: number, output: Output) {
    this.#place = place;
    this.#backends = backends;
    this.#traffic = traffic;
    this.#screen = new DemoScreen({
      write: (text) => output.out(text),
      columns: () => (process.stdout.isTTY ? process.stdout.columns || USUAL_COLUMNS : null),
    });
  }

  /** `fairlead run` in this process, with workers of its own. */
  async run(program: ProgramParts): Promise<number> {
    const { configuration, directory } = this.#place;
    const args = ["-c", configuration, "--state-dir", directory];
    const messages: Output = {
      out: (text) => this.#screen.message(text),
      error: (text) => this.#screen.message(text),
    };
    const code = await runCommand(args, program, messages, (event) => this.#event(event));
    this.#stopShowing();
    if (code === 0) this.#screen.message(`ended, ${directory} is removed\n`);
    return code;
  }

  #event({ event, text, fields }: RunEvent): void {
    if (event === "ready") this.#ready(fields as unknown as ReadyFields);
    if (event === "stopping") this.#stopShowing();
    if (!QUIET_EVENTS.has(event)) this.#screen.message(`fairlead: ${text}\n`);
  }

  #ready({ listeners, admin }: ReadyFields): void {
    const port = (wanted: string): number => listeners.find(({ name }) => name === wanted)?.port ?? 0;
    const ports: DemoPorts = { web: port("web"), secure: port("secure"), admin };
    this.#screen.message(instructions(this.#place, this.#backends, ports));
    const endTraffic = this.#traffic > 0 ? this.#startTraffic(ports) : () => {};
    let running = true;
    let asking = false;
    const show = async (): Promise<void> => {
      if (asking) return;
      asking = true;
      try {
        const page = await (await fetch(`http://${admin}/metrics`)).text();
        if (running) this.#screen.show(readCounts(page, performance.now()));
      } catch {
        // Admin moves when the configuration says so; the demo shows what it began with.
      } finally {
        asking = false;
      }
    };
    void show();
    const timer = setInterval(() => void show(), SHOW_EVERY_MS);
    this.#stopShowing = () => {
      running = false;
      clearInterval(timer);
      endTraffic();
      this.#screen.end();
    };
  }

  #startTraffic({ web, secure }: DemoPorts): () => void {
    const certificate = readFileSync(this.#place.certificate, "utf8");
    const targets = {
      plain: `http://${DEMO_HOST}:${web}`,
      tls: `https://${DEMO_HOST}:${secure}`,
      certificate,
    };
    return startTraffic(targets, this.#traffic);
  }
}

/** What `fairlead run` tells when it is ready. */
interface ReadyFields {
  readonly listeners: readonly { readonly name: string; readonly port: number }[];
  readonly admin: string;
}
