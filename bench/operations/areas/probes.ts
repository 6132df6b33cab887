/** 10,000 backends that are probed each second: CPU of the supervisor, its event loop, and whether all is done in time. */
import { join } from "node:path";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { parseStubStatus } from "../../http/backends.ts";
import { freePorts } from "../../http/ports.ts";
import { backendBinary } from "../../http/programs.ts";
import { PinnedProgram } from "../../support/pinned_program.ts";
import { everyCore, OpenLoad } from "../clients.ts";
import { newPlace, type Context } from "../context.ts";
import { LOOK, PROBED } from "../settings.ts";
import { Running, type Subject } from "../subject.ts";

const WARM_UP_MS = 5_000;
const MEASURED_MS = 5_000;

export async function measureProbes(context: Context): Promise<void> {
  const known = context.subjects.find(({ subject: { peer } }) => peer.name === "fairlead");
  if (known === undefined) return;
  for (const type of ["tcp", "http"] as const) {
    const place = { ...newPlace(context), workers: 1 };
    const [port] = freePorts(1) as [number];
    const backends = await startBackends(place.directory, port);
    const subject = probing(known.subject, port, type);
    const running = await Running.start(subject, known.found.binary, place, "one");
    const { adminPort } = place;
    const asked = { port: adminPort, host: "127.0.0.1", path: "/health", ...LOOK };
    const look = new OpenLoad(context.workplace.tools, asked);
    try {
      await Bun.sleep(WARM_UP_MS);
      for (let round = 0; round < context.options.rounds; round++) {
        const before = {
          cpu: Running.cpuOf(running.pid),
          done: await connectionsOf(place.directory),
          at: performance.now(),
        };
        const { max_us: stall, p99_us: p99 } = await look.during(MEASURED_MS);
        const seconds = (performance.now() - before.at) / 1_000;
        const cpu = ((Running.cpuOf(running.pid) - before.cpu) / 1e6 / seconds) * 100;
        const done = (((await connectionsOf(place.directory)) - before.done) / seconds / PROBED) * 100;
        context.say(
          `${PROBED} ${type} probes per second: ${cpu.toFixed(0)} % of a core, longest stall ${(stall / 1_000).toFixed(1)} ms, ` +
            `${done.toFixed(1)} % in time`,
        );
        const title = `${PROBED.toLocaleString("en-US")} backends, ${type} probe each second`;
        const row = (
          what: string,
          unit: "%" | "ms",
          goal: number | null,
          value: number,
          atLeast = false,
        ): void =>
          context.figures.add(
            { area: "probes", title: `${title}: ${what}`, unit, goal, atLeast },
            "fairlead",
            value,
          );
        row("CPU of the supervisor, of a core", "%", 60, cpu);
        row("longest stall of its event loop", "ms", 20, stall / 1_000);
        row("p99 of its answers to /health", "ms", null, p99 / 1_000);
        row("probes done in time", "%", 99, done, true);
      }
    } finally {
      await look.stop();
      await running.stop();
      await backends.stop();
    }
  }
}

/** Fairlead with one pool of backends at 127.1.0.1 and so on. */
function probing(subject: Subject, port: number, type: "tcp" | "http"): Subject {
  return {
    ...subject,
    main: (place, routes, layout) => {
      let backends = "";
      for (let index = 0; index < PROBED; index++)
        backends += `      - { url: "http://127.1.${index >> 8}.${index & 255}:${port}" }\n`;
      const probed = `  probed:\n    health_check: { type: ${type}, interval: 1s, timeout: 900ms, jitter: 0% }\n    backends:\n${backends}`;
      return subject.main(place, routes, layout).replace("pools:\n", `pools:\n${probed}`);
    },
    routes: () => `  - { name: probed, match: "Path(\`/probed\`)", pool: probed }\n`,
  };
}

/** One nginx on all addresses of 127.0.0.0/8, for this machine alone. */
async function startBackends(directory: string, port: number): Promise<PinnedProgram> {
  const text = `worker_processes 1; worker_rlimit_nofile 20000; daemon off; pid ${directory}/probed.pid;
error_log ${directory}/probed.log error;
events { worker_connections 15000; multi_accept on; }
http {
    access_log off;
    client_body_temp_path ${directory}/b; proxy_temp_path ${directory}/p; fastcgi_temp_path ${directory}/f;
    uwsgi_temp_path ${directory}/u; scgi_temp_path ${directory}/s;
    server { listen ${port} backlog=4096; allow 127.0.0.0/8; deny all; location / { return 200; } }
    server { listen unix:${directory}/probed.sock; location / { stub_status; } }
}
`;
  const config = join(directory, "probed.conf");
  writeFileSync(config, text);
  const command = [backendBinary()!, "-p", directory, "-c", config];
  const program = new PinnedProgram({
    core: everyCore(),
    command,
    cwd: directory,
    logFile: join(directory, "probed.output"),
  });
  for (let tries = 0; tries < 200; tries++) {
    if ((await connectionsOf(directory).catch(() => -1)) >= 0) return program;
    await Bun.sleep(20);
  }
  await program.stop();
  throw new Error("the probed backends do not start");
}

/** Connections that the backends have had: each probe is one. */
async function connectionsOf(directory: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let text = "";
  const socket = connect(join(directory, "probed.sock"), () => socket.write("GET / HTTP/1.0\r\n\r\n"));
  socket.on("data", (chunk) => (text += chunk.toString("latin1")));
  socket.on("error", reject);
  socket.on("close", () => resolve(text));
  const counts = parseStubStatus(await promise);
  if (counts === null) throw new Error(`unexpected status of the backends: ${text}`);
  return counts.connections;
}
