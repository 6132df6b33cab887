/** The lock of a hosts file, between real processes. */
import { afterEach, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requireRoot, requireTool } from "../../../test/support/require.ts";
import { HostsLock } from "./hosts_lock.ts";

const folders: string[] = [];
const processes: number[] = [];

afterEach(() => {
  for (const pid of processes.splice(0)) process.kill(pid, "SIGKILL");
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function place(): { readonly directory: string; readonly path: string; readonly state: string } {
  const directory = mkdtempSync(join(tmpdir(), "fairlead-hosts-lock-"));
  folders.push(directory);
  mkdirSync(join(directory, "etc"));
  const path = join(directory, "etc", "hosts");
  writeFileSync(path, "127.0.0.1 localhost\n");
  return { directory, path, state: join(directory, "state") };
}

const program = (path: string, state: string): string => `
  const { HostsLock } = await import("${import.meta.dir}/hosts_lock.ts");
  const lock = new HostsLock("${path}", "${state}");
  const taken = await lock.take(0).then(() => "taken", (error) => error.message);`;

const refusedBy = (path: string, pid: number): string =>
  `${path} is kept by another program (pid ${pid}); stop it first`;

/** Why it cannot be taken, or "". */
async function tried(lock: HostsLock): Promise<string> {
  return lock.take(0).then(
    () => "",
    (error: unknown) => (error as Error).message,
  );
}

test("HF29 another process is named, and its lock is free once it is killed, though its children live on", async () => {
  const { path, state } = place();
  const script = `${program(path, state)}
    const child = Bun.spawn(["sleep", "60"], { stdio: ["ignore", "ignore", "ignore"] });
    console.log(JSON.stringify([taken, child.pid]));
    setInterval(() => {}, 1_000);`;
  const holder = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "inherit" });
  const { value } = await holder.stdout.getReader().read();
  const [said, childPid] = JSON.parse(new TextDecoder().decode(value)) as [string, number];
  processes.push(childPid);
  expect(said).toBe("taken");
  const lock = new HostsLock(path, state);
  expect(await tried(lock)).toBe(refusedBy(path, holder.pid));
  holder.kill("SIGKILL");
  await holder.exited;
  expect(await tried(lock)).toBe("");
  process.kill(childPid, 0);
  await lock.release();
});

test("HF29 whoever waits gets it in turn: never two at once, and no file of it stays", async () => {
  const { path, state, directory } = place();
  let holders = 0;
  const takers = Array.from({ length: 8 }, async () => {
    for (let turn = 0; turn < 5; turn++) {
      const lock = new HostsLock(path, state);
      await lock.take(60_000);
      expect(++holders).toBe(1);
      await new Promise((resolve) => setImmediate(resolve));
      holders--;
      await lock.release();
    }
  });
  await Promise.all(takers);
  expect(readdirSync(join(directory, "etc"))).toEqual(["hosts"]);
}, 60_000);

const noSetpriv = requireTool("setpriv") ?? requireRoot();
test.skipIf(noSetpriv !== null)(
  "HF29 where the folder is not ours to write, the state directory holds the lock",
  () => {
    const { directory, path, state } = place();
    chmodSync(directory, 0o755);
    mkdirSync(state);
    chownSync(state, 65_534, 65_534);
    const script = `${program(path, state)}
    const second = await new HostsLock("${path}", "${state}").take(0).catch((error) => error.message);
    const names = () => require("node:fs").readdirSync("${state}").filter((name) => name.startsWith("hosts-"));
    const held = names();
    await lock.release();
    console.log(JSON.stringify([process.pid, taken, second, held, names()]));`;
    const { stdout, stderr } = Bun.spawnSync(
      ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", process.execPath, "-e", script],
      { cwd: "/", env: { ...process.env, HOME: state } },
    );
    expect(stderr.toString()).toBe("");
    const [pid, taken, second, held, released] = JSON.parse(stdout.toString()) as [
      number,
      string,
      string,
      string[],
      string[],
    ];
    expect([taken, second]).toEqual(["taken", refusedBy(path, pid)]);
    expect(held).toEqual([expect.stringMatching(/^hosts-[0-9a-f]{16}\.lock$/)]);
    expect(released).toEqual([]);
    expect(existsSync(join(directory, "etc", ".hosts.fairlead.lock"))).toBe(false);
  },
);

const noUnshare = requireTool("unshare") ?? requireRoot();
test.skipIf(noUnshare !== null)(
  "HF26 HF29 a full disk has room for a lock without a pid, and it is given up whole",
  () => {
    const { directory, state } = place();
    const disk = join(directory, "etc");
    const script = `
    const fs = require("node:fs");
    fs.writeFileSync("${disk}/hosts", "x");
    try { fs.writeFileSync("${disk}/ballast", Buffer.alloc(256 * 1024)); } catch {}
    ${program(join(disk, "hosts"), state)}
    const second = await new HostsLock("${join(disk, "hosts")}", "${state}2").take(0).catch((error) => error.message);
    await lock.release();
    const third = await new HostsLock("${join(disk, "hosts")}", "${state}2").take(0).then(() => "taken", (error) => error.message);
    console.log(JSON.stringify([taken, second, third]));`;
    const mount = 'mount --make-rprivate / && mount -t tmpfs -o size=64k tmpfs "$0" && exec "$@"';
    const { stdout, stderr } = Bun.spawnSync([
      "unshare",
      "-m",
      "sh",
      "-c",
      mount,
      disk,
      process.execPath,
      "-e",
      script,
    ]);
    expect(stderr.toString()).toBe("");
    expect(JSON.parse(stdout.toString())).toEqual([
      "taken",
      `${disk}/hosts is kept by another program; stop it first`,
      "taken",
    ]);
  },
);
