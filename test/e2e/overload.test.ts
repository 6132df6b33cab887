/** More than the machine or its limits take: what is shed, and that all is well afterwards. The real program. */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { askOnce, rawClient, type RawClient } from "../support/raw_client.ts";
import { requireRoot, requirement } from "../support/require.ts";
import { answerText, rawOrigin } from "../support/raw_origin.ts";
import { PROGRAM } from "../support/program.ts";
import { LogDirectory } from "./operations/log_directory.ts";
import { runFairlead, runProgram, type RunningFairlead, until } from "./processes_program.ts";

const PATIENCE = { timeout: 60_000 };
const GET = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
const lacking = requireRoot();

/** The program under the limit that a shell sets before it starts. */
const limited = (limit: string): string[] => [
  "/bin/sh",
  "-c",
  `ulimit ${limit}; exec "$@"`,
  "sh",
  ...PROGRAM,
];

const serves = async (fairlead: RunningFairlead, requests: number): Promise<void> => {
  for (let count = 0; count < requests; count++)
    expect((await askOnce(fairlead.port(), GET)).status).toBe(200);
};

test(
  "H-E20 over its limits a pool sheds with 503 and Retry-After at once, and those that it takes do not wait longer",
  async () => {
    using origin = await rawOrigin(async () => {
      await Bun.sleep(50);
      return answerText("served");
    });
    // 2 at work, 4 that wait: whoever comes then is told so.
    const backend = `{ url: "${origin.url}", max_in_flight: 2 }`;
    await using fairlead = await runFairlead(
      `workers: 1\npools: { app: { backends: [${backend}], queue: { size: 4, timeout: 5s } } }\nroutes: [{ pool: app }]`,
    );
    const clients = await Promise.all(Array.from({ length: 60 }, () => rawClient(fairlead.port())));
    const outcomes = await Promise.all(
      clients.map(async (client) => {
        const since = performance.now();
        const answer = await client.ask(GET, { timeoutMs: 20_000 });
        return { answer, ms: performance.now() - since };
      }),
    );
    const served = outcomes.filter(({ answer }) => answer.status === 200);
    const shed = outcomes.filter(({ answer }) => answer.status === 503);
    expect(served.length + shed.length).toBe(60);
    expect(served.length).toBeGreaterThanOrEqual(6);
    expect(shed.length).toBeGreaterThan(0);
    for (const { answer } of shed) expect(answer.get("retry-after")).toBe("1");
    // Three turns of 50 ms; the rest is for a machine that has other work.
    for (const { ms } of served) expect(ms).toBeLessThan(2_000);
    expect(await fairlead.metric("limits_hit_total", 'limit="queue"')).toBe(shed.length);
    await serves(fairlead, 5);
    for (const client of clients) client.close();
  },
  PATIENCE,
);

test(
  "H-J20 with no descriptor left it serves those that it has, and everybody again once some are closed",
  async () => {
    await using fairlead = await runProgram(
      limited("-n 160"),
      `workers: 1\nlisteners: { web: { address: "127.0.0.1:0", defer_accept: false } }\nroutes: [{ respond: { status: 200, body: served } }]`,
    );
    const [worker = 0] = fairlead.workers;
    const kept = await rawClient(fairlead.port());
    expect((await kept.ask(GET)).status).toBe(200);
    const crowd: RawClient[] = await Promise.all(
      Array.from({ length: 300 }, () => rawClient(fairlead.port())),
    );
    expect((await kept.ask(GET)).status).toBe(200);
    expect(await fairlead.metric("connections_open")).toBeLessThan(160);
    for (const client of crowd) client.close();
    await until(async () => (await fairlead.metric("connections_open")) <= 1, "the crowd has gone");
    await serves(fairlead, 20);
    expect(fairlead.workers).toEqual([worker]);
    kept.close();
  },
  PATIENCE,
);

test.skipIf(lacking !== null)(
  "H-J20 a full disk of state, runtime and log costs lines of the log alone, and all is written once there is room",
  async () => {
    const disk = new LogDirectory(join("/tmp", `fairlead-full-${process.pid}`));
    try {
      const yaml = (body: string) => `workers: 2
routes: [{ respond: { status: 200, body: ${body} } }]
observability: { access_log: { path: ${disk.file}, flush: 20ms } }`;
      const runtime = join(disk.path, "run");
      const places = ["--state-dir", join(disk.path, "state"), "--set", `runtime_dir=${runtime}`];
      await using fairlead = await runFairlead(yaml("one"), ...places);
      await serves(fairlead, 10);
      disk.fill();
      await serves(fairlead, 50);
      fairlead.write(yaml("two"));
      const reloaded = await fairlead.command("reload", "--runtime-dir", runtime);
      expect([reloaded.code, reloaded.error]).toEqual([0, ""]);
      const [victim = 0] = fairlead.workers;
      process.kill(victim, "SIGKILL");
      await fairlead.program.until("worker_ready");
      await serves(fairlead, 50);
      disk.free();
      await serves(fairlead, 10);
      const { size } = disk;
      await until(() => disk.size > size || disk.read().lines > 10, "the log is written again");
      expect((await fairlead.page("/health")).status).toBe(200);
    } finally {
      disk.remove();
      rmSync(disk.path, { recursive: true, force: true });
    }
  },
  PATIENCE,
);

/** A group with a limit of memory, by whichever version of control groups the machine has. */
class MemoryGroup {
  readonly #path: string;

  constructor(bytes: number) {
    const isOld = existsSync("/sys/fs/cgroup/memory/memory.limit_in_bytes");
    this.#path = join(isOld ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup", `fairlead-test-${process.pid}`);
    mkdirSync(this.#path);
    writeFileSync(join(this.#path, isOld ? "memory.limit_in_bytes" : "memory.max"), String(bytes));
  }

  /** The program in the group. */
  get words(): string[] {
    return ["/bin/sh", "-c", `echo $$ > ${this.#path}/cgroup.procs; exec "$@"`, "sh", ...PROGRAM];
  }

  async remove(): Promise<void> {
    await until(() => readFileSync(join(this.#path, "cgroup.procs"), "utf8") === "", "the group is empty");
    rmdirSync(this.#path);
  }
}

/** Null where a group with a limit can be made. */
function noMemoryGroups(): string | null {
  if (lacking !== null) return lacking;
  try {
    const group = new MemoryGroup(2 ** 30);
    void group.remove();
    return null;
  } catch (error) {
    return `no memory control groups: ${String(error)}`;
  }
}

const noGroups = requirement("cgroup", noMemoryGroups());
const MIB = 2 ** 20;

test.skipIf(noGroups !== null)(
  "H-J20 in 320 MiB, 200 uploads of 8 MiB to a stuck backend and 100 slow downloads are held back, and others are served",
  async () => {
    const group = new MemoryGroup(320 * MIB);
    const sockets: Socket[] = [];
    const stuck = createServer((socket) => void sockets.push(socket.pause()));
    const generous = createServer((socket) => {
      socket
        .on("error", () => {})
        .on("data", () => {
          socket.write("HTTP/1.1 200 OK\r\nContent-Length: 8388608\r\n\r\n");
          socket.write(body);
        });
      sockets.push(socket);
    });
    const body = Buffer.alloc(8 * MIB, "x");
    const clients: Socket[] = [];
    try {
      const [drain, source] = await Promise.all([stuck, generous].map(listening));
      await using fairlead = await runProgram(
        group.words,
        `workers: 1
pools:
  stuck: { backends: [{ url: "http://127.0.0.1:${drain}" }] }
  generous: { backends: [{ url: "http://127.0.0.1:${source}" }] }
routes:
  - { match: "Path(\`/up\`)", pool: stuck }
  - { match: "Path(\`/down\`)", pool: generous }
  - { respond: { status: 200, body: served } }
`,
      );
      const [worker = 0] = fairlead.workers;
      const client = (head: string): Socket => {
        const socket = connect(fairlead.port(), "127.0.0.1").on("error", () => {});
        socket.write(head);
        clients.push(socket);
        return socket;
      };
      for (let count = 0; count < 200; count++)
        client(`POST /up HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${body.length}\r\n\r\n`).write(body);
      for (let count = 0; count < 100; count++) client("GET /down HTTP/1.1\r\nHost: a.test\r\n\r\n").pause();
      await until(async () => (await fairlead.metric("connections_open")) >= 300, "all are connected");
      // They go on until every buffer on their way is full.
      for (let before = 0, now = 1; Math.abs(now - before) > MIB;) {
        before = now;
        await serves(fairlead, 50);
        now = residentBytes(worker);
      }
      await serves(fairlead, 50);
      // By RST: a FIN would wait behind what the program does not take.
      for (const socket of clients) socket.resetAndDestroy();
      await until(async () => (await fairlead.metric("connections_open")) <= 1, "they have gone");
      await serves(fairlead, 20);
      expect(fairlead.workers).toEqual([worker]);
    } finally {
      for (const socket of [...clients, ...sockets]) socket.destroy();
      stuck.close();
      generous.close();
      await group.remove();
    }
  },
  PATIENCE,
);

function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) * 1024;
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}
