/** One supervisor after another, with the real program: what clients have under way goes on, and counters too. */
import { expect, test } from "bun:test";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { identify } from "../../src/platform/processes.ts";
import { CERTIFICATE_A, CERTIFICATE_B, KEY_A, KEY_B } from "../../src/platform/test_certificates.ts";
import { NotifySocket } from "../support/notify_socket.ts";
import { askOnce, rawClient, tlsClient, type RawClient } from "../support/raw_client.ts";
import { requireTool } from "../support/require.ts";
import { Program } from "./processes_fixture.ts";
import { runFairlead, type RunningFairlead, until } from "./processes_program.ts";
import { PROGRAM } from "../support/program.ts";

const PATIENCE = { timeout: 60_000 };
const GET = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
const HALF = "GET /half HTTP/1.1\r\nHost: a.example\r\n";

const CONFIGURATION = `workers: 2
listeners: { web: { address: "127.0.0.1:0", defer_accept: false } }
routes: [{ name: all, respond: { status: 200, body: served } }]
observability: { access_log: { path: access.log, flush: 20ms } }`;

const pidOf = ({ directory }: RunningFairlead): number =>
  Number(readFileSync(join(directory, "run", "pid"), "utf8"));

async function serve(fairlead: RunningFairlead, requests: number): Promise<void> {
  for (let count = 0; count < requests; count++) {
    const { status } = await askOnce(fairlead.port(), GET);
    expect(status).toBe(200);
  }
}

/** The address of the admin server of the program that serves now. */
async function findAdmin(fairlead: RunningFairlead, said: Program["said"], count: number): Promise<void> {
  const readies = () => said.filter(({ event }) => event === "ready");
  await until(() => readies().length === count, "the successor is ready");
  fairlead.admin = String(readies().at(-1)!["admin"]);
}

const requests = (fairlead: RunningFairlead): Promise<number> => fairlead.metric("http_requests_total");

test(
  "H-J7/counters an upgrade: a request that is half sent is answered by the old program, and counters go on",
  async () => {
    await using fairlead = await runFairlead(CONFIGURATION);
    const { said } = fairlead.program;
    const old = pidOf(fairlead);
    await serve(fairlead, 20);
    const half = await rawClient(fairlead.port());
    half.send(HALF);
    await until(async () => (await fairlead.metric("connections_open")) === 1, "the connection is accepted");
    const upgraded = await fairlead.command("upgrade", "--runtime-dir", join(fairlead.directory, "run"));
    expect(upgraded).toMatchObject({ code: 0, error: "" });
    expect(upgraded.out).toBe(`upgraded: pid ${pidOf(fairlead)} serves\n`);
    expect(pidOf(fairlead)).not.toBe(old);
    await findAdmin(fairlead, said, 2);
    await serve(fairlead, 10);
    expect(await requests(fairlead)).toBe(30);
    expect(await fairlead.metric("connections_open")).toBe(1);
    expect(identify(old)).not.toBeNull();
    half.send("\r\n");
    await half.until(() => half.received.includes("served"));
    expect(half.received.toString()).toContain("Connection: close");
    await until(() => identify(old) === null, "the old program has ended");
    await until(async () => (await requests(fairlead)) === 31, "what the old workers counted is kept");
    expect(await fairlead.metric("connections_open")).toBe(0);
    expect((await fairlead.command("stop", "--runtime-dir", join(fairlead.directory, "run"))).code).toBe(0);
    expect(logged(fairlead)).toBe(31);
  },
  PATIENCE,
);

test(
  "a killed supervisor is succeeded: half a request is answered by the old workers, and counters go on",
  async () => {
    await using fairlead = await runFairlead(CONFIGURATION);
    const runtime = join(fairlead.directory, "run");
    await serve(fairlead, 20);
    // What this worker has counted must outlive it and the supervisor that has kept it.
    await until(() => logged(fairlead) === 20, "the log has been written");
    const [victim = 0] = fairlead.workers;
    process.kill(victim, "SIGKILL");
    await fairlead.program.until("worker_ready");
    await serve(fairlead, 10);
    const half = await rawClient(fairlead.port());
    half.send(HALF);
    await until(async () => (await fairlead.metric("connections_open")) === 1, "the connection is accepted");
    await fairlead.program.kill();
    await serve(fairlead, 10);
    const second = new Program(["-c", fairlead.file, "--log-format", "json"], PROGRAM);
    try {
      await findAdmin(fairlead, second.said, 1);
      await serve(fairlead, 10);
      expect(await requests(fairlead)).toBe(50);
      // Those of the first one drain still while the second one is replaced.
      expect((await fairlead.command("upgrade", "--runtime-dir", runtime)).code).toBe(0);
      await findAdmin(fairlead, second.said, 2);
      expect(await requests(fairlead)).toBe(50);
      half.send("\r\n");
      await half.until(() => half.received.includes("served"));
      await until(async () => (await requests(fairlead)) === 51, "what the old workers counted is kept");
      expect(await fairlead.metric("worker_restarts_total")).toBe(1);
      expect((await fairlead.command("stop", "--runtime-dir", runtime)).code).toBe(0);
      expect(logged(fairlead)).toBe(51);
    } finally {
      await second.kill();
    }
  },
  PATIENCE,
);

test(
  "a renewed certificate does not keep workers from handing their sockets to the next supervisor",
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "fairlead-renewed-"));
    const [cert, key] = [join(directory, "cert.pem"), join(directory, "key.pem")];
    const serve = (certificate: string, secret: string) => {
      writeFileSync(cert, certificate);
      writeFileSync(key, secret);
    };
    const tls = `{ address: "127.0.0.1:0", tls: { certificates: [{ cert: ${cert}, key: ${key} }] } }`;
    const nameAt = async (port: number) => {
      using client = await tlsClient(port, { servername: "a.example" });
      return String((client.socket as TLSSocket).getPeerCertificate().subject.CN);
    };
    try {
      serve(CERTIFICATE_A, KEY_A);
      await using fairlead = await runFairlead(
        `workers: 2\nlisteners: { web: ${tls} }\nroutes: [{ respond: { status: 200, body: served } }]`,
      );
      const port = fairlead.port();
      serve(CERTIFICATE_B, KEY_B);
      expect((await fairlead.reload()).code).toBe(0);
      expect(await nameAt(port)).toBe("b.example");
      await fairlead.program.kill();
      const second = new Program(["-c", fairlead.file, "--log-format", "json"], PROGRAM);
      try {
        await second.until("ready");
        expect(await second.port("web")).toBe(port);
        expect(await nameAt(port)).toBe("b.example");
        const runtime = join(fairlead.directory, "run");
        expect((await fairlead.command("stop", "--runtime-dir", runtime)).code).toBe(0);
      } finally {
        await second.kill();
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
  },
  PATIENCE,
);

/** Lines of the access log. */
function logged({ directory }: RunningFairlead): number {
  return readFileSync(join(directory, "access.log"), "utf8").split("\n").length - 1;
}

test(
  "a runtime directory that was wiped is made anew: commands find the program, and the next supervisor its workers",
  async () => {
    await using fairlead = await runFairlead(CONFIGURATION);
    const runtime = join(fairlead.directory, "run");
    await serve(fairlead, 10);
    await until(() => logged(fairlead) === 10, "the log has been written");
    rmSync(runtime, { recursive: true });
    const state = async () => (await fairlead.command("status", "--json", "--runtime-dir", runtime)).out;
    await until(async () => (await state()).includes('"state":"serving"'), "the program is found again");
    const { said } = fairlead.program;
    expect(said.filter(({ event }) => event === "runtime_dir_restored")).toHaveLength(1);

    const half = await rawClient(fairlead.port());
    half.send(HALF);
    await until(async () => (await fairlead.metric("connections_open")) === 1, "the connection is accepted");
    await fairlead.program.kill();
    await serve(fairlead, 10);
    const second = new Program(["-c", fairlead.file, "--log-format", "json"], PROGRAM);
    try {
      await findAdmin(fairlead, second.said, 1);
      expect(second.said.filter(({ event }) => event === "predecessor_silent")).toEqual([]);
      half.send("\r\n");
      await half.until(() => half.received.includes("served"));
      await until(async () => (await requests(fairlead)) === 21, "counters go on");
      expect((await fairlead.command("stop", "--runtime-dir", runtime)).code).toBe(0);
    } finally {
      await second.kill();
    }
  },
  PATIENCE,
);

test(
  "limits of the machine hold over two upgrades and a killed supervisor, and are free again when old connections end",
  async () => {
    await using fairlead = await runFairlead(`${CONFIGURATION}\nlimits: { connections_per_ip: 4 }`);
    const runtime = join(fairlead.directory, "run");
    const held: RawClient[] = [];
    const open = (count: number): Promise<void> =>
      until(
        async () => (await fairlead.metric("connections_open")) === count,
        `${count} connections are open`,
      );
    const hold = async (): Promise<void> => {
      // Those that were only tried have ended.
      await open(held.length);
      const client = await rawClient(fairlead.port());
      client.send(HALF);
      held.push(client);
      await open(held.length);
    };
    /** Whether one more connection is served: those over the limit are cut. */
    const isServed = async (): Promise<boolean> => {
      try {
        return (await askOnce(fairlead.port(), GET)).status === 200;
      } catch (error) {
        expect(String(error)).toMatch(/ECONNRESET|closed before an answer/);
        return false;
      }
    };
    const release = async (): Promise<void> => {
      held.pop()!.close();
      await open(held.length);
    };
    await hold();
    for (const programs of [2, 3]) {
      expect((await fairlead.command("upgrade", "--runtime-dir", runtime)).code).toBe(0);
      await findAdmin(fairlead, fairlead.program.said, programs);
      await hold();
    }
    await hold();
    // At workers of three programs.
    expect(await isServed()).toBe(false);
    await release();
    await until(isServed, "there is room for one more");
    await hold();
    process.kill(pidOf(fairlead), "SIGKILL");
    const third = new Program(["-c", fairlead.file, "--log-format", "json"], PROGRAM);
    try {
      await findAdmin(fairlead, third.said, 1);
      expect(third.said.filter(({ event }) => event === "predecessor_silent")).toEqual([]);
      expect(await isServed()).toBe(false);
      while (held.length > 0) await release();
      await until(isServed, "there is room again");
      expect((await fairlead.command("stop", "--runtime-dir", runtime)).code).toBe(0);
    } finally {
      await third.kill();
    }
  },
  PATIENCE,
);

test(
  "a rotation after an upgrade reaches the old workers too, and a reload that the old program is asked for the new one",
  async () => {
    await using fairlead = await runFairlead(CONFIGURATION);
    const runtime = join(fairlead.directory, "run");
    const old = pidOf(fairlead);
    const half = await rawClient(fairlead.port());
    half.send(HALF);
    await until(async () => (await fairlead.metric("connections_open")) === 1, "the connection is accepted");
    expect((await fairlead.command("upgrade", "--runtime-dir", runtime)).code).toBe(0);
    await findAdmin(fairlead, fairlead.program.said, 2);
    const log = join(fairlead.directory, "access.log");
    renameSync(log, `${log}.1`);
    process.kill(pidOf(fairlead), "SIGUSR1");
    await until(() => existsSync(log), "the log is opened again");
    const holders = () =>
      [old, ...childrenOf(old)].filter((pid) =>
        readdirSync(`/proc/${pid}/fd`).some((fd) => linkOf(`/proc/${pid}/fd/${fd}`) === `${log}.1`),
      );
    await until(() => holders().length === 0, "nobody writes to what was rotated");
    half.send("\r\n");
    await half.until(() => half.received.includes("served"));
    await until(() => logged(fairlead) === 1, "its line stands in the new file");
    expect(readFileSync(`${log}.1`, "utf8")).toBe("");

    const again = await rawClient(fairlead.port());
    again.send(HALF);
    await until(async () => (await fairlead.metric("connections_open")) === 1, "the connection is accepted");
    const second = pidOf(fairlead);
    expect((await fairlead.command("upgrade", "--runtime-dir", runtime)).code).toBe(0);
    await findAdmin(fairlead, fairlead.program.said, 3);
    const reloads = () => fairlead.program.said.filter(({ event }) => event === "reloaded").length;
    const before = reloads();
    process.kill(second, "SIGHUP");
    await until(() => reloads() === before + 1, "the new program has reloaded");
    again.close();
    expect((await fairlead.command("stop", "--runtime-dir", runtime)).code).toBe(0);
  },
  PATIENCE,
);

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

test(
  "a service manager hears that the program is ready, who the main process is after an upgrade, and of the end",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "fairlead-notify-"));
    const socket = new NotifySocket(join(folder, "notify"));
    process.env["NOTIFY_SOCKET"] = socket.path;
    try {
      await using fairlead = await runFairlead(CONFIGURATION);
      const runtime = join(fairlead.directory, "run");
      await until(() => socket.said.includes("READY=1 STATUS=serving on web"), "the manager knows");
      expect((await fairlead.command("upgrade", "--runtime-dir", runtime)).code).toBe(0);
      await until(
        () => socket.said.includes(`MAINPID=${pidOf(fairlead)} READY=1`),
        "the manager knows whom to watch",
      );
      await findAdmin(fairlead, fairlead.program.said, 2);
      expect((await fairlead.command("stop", "--runtime-dir", runtime)).code).toBe(0);
      expect(socket.said.slice(1)).toEqual([
        expect.stringMatching(/^MAINPID=/),
        "STOPPING=1 STATUS=draining",
      ]);
    } finally {
      delete process.env["NOTIFY_SOCKET"];
      socket.close();
      rmSync(folder, { recursive: true });
    }
  },
  PATIENCE,
);

test(
  "as ExecStopPost of a unit, stop --orphans ends workers after a stop and leaves them after a crash",
  async () => {
    await using fairlead = await runFairlead(CONFIGURATION);
    const runtime = join(fairlead.directory, "run");
    await fairlead.program.kill();
    try {
      process.env["SERVICE_RESULT"] = "signal";
      const crashed = await fairlead.command("stop", "--orphans", "--runtime-dir", runtime);
      expect([crashed.code, crashed.out]).toEqual([0, "nothing to stop\n"]);
      await serve(fairlead, 1);
      process.env["SERVICE_RESULT"] = "success";
      const stopped = await fairlead.command("stop", "--orphans", "--runtime-dir", runtime);
      expect([stopped.code, stopped.out]).toEqual([0, expect.stringMatching(/^stopped: pid \d+, \d+\n$/)]);
    } finally {
      delete process.env["SERVICE_RESULT"];
    }
  },
  PATIENCE,
);

const lacking = requireTool("systemd-analyze");
test.skipIf(lacking !== null)("the unit of systemd is well formed, and its exposure is at most 3.0", () => {
  const unit = join(import.meta.dir, "../../deploy/systemd/fairlead.service");
  const found = Bun.spawnSync(["systemd-analyze", "security", "--offline=true", unit]);
  const level = /Overall exposure level for fairlead\.service: ([\d.]+)/.exec(found.stdout.toString())?.[1];
  expect(Number(level)).toBeLessThanOrEqual(3);
  const verified = Bun.spawnSync(["systemd-analyze", "verify", unit]);
  const problems = verified.stderr.toString().trim().split("\n");
  // The program is not installed where the tests run.
  expect(
    problems.filter((line) => line !== "" && !line.includes("/usr/bin/fairlead is not executable")),
  ).toEqual([]);
});
