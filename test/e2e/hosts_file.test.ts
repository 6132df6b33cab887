/** What the hosts file may be while the program runs: missing, a directory, mounted, and killed in the middle. */
import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { requireRoot, requireTool } from "../support/require.ts";
import { PROGRAM } from "../support/program.ts";
import { backendProcesses, HostsPlace, hostsYaml } from "./hosts_program.ts";
import { until } from "./processes_program.ts";

const PATIENCE = 60_000;
const LOCAL = "127.0.0.1 localhost\n";

test(
  "HF26 HF20 a missing file and a directory in its place are told once each, and written when they are gone",
  async () => {
    const backends = await backendProcesses(2);
    await using place = new HostsPlace(hostsYaml(backends));
    const program = await place.run();
    const missing = await program.until("hosts_write_failed");
    expect(missing.message).toBe(`${place.hostsFile}: there is no such file; hosts.create makes it`);
    // Further tries have the same cause.
    await until(
      async () => (await place.metric("hosts_writes_total", 'result="failure"')) >= 2,
      "it is tried again",
    );
    expect(program.said.filter(({ event }) => event === "hosts_write_failed").length).toBe(1);
    expect((await place.command("status")).out).toContain(`problem: ${missing.message}`);
    writeFileSync(place.hostsFile, LOCAL);
    await place.untilBlock("127.0.1.1 db.test");

    rmSync(place.hostsFile);
    mkdirSync(place.hostsFile);
    await backends[0]!.kill();
    const directory = await program.until("hosts_write_failed", 2);
    expect(directory.message).toBe(`${place.hostsFile} is a directory; expected a hosts file`);
    rmdirSync(place.hostsFile);
    writeFileSync(place.hostsFile, LOCAL);
    await place.untilBlock("127.0.1.2 db.test");
    await backends[1]!.kill();
  },
  PATIENCE,
);

const lacking = requireTool("unshare") ?? requireRoot();
test.skipIf(lacking !== null)(
  "HF27 a file that is mounted is written in place, which is said at the start, and completed after a kill",
  async () => {
    const backends = await backendProcesses(2);
    await using outside = new HostsPlace("");
    const real = join(outside.directory, "real");
    writeFileSync(real, LOCAL);
    const mounted = join(outside.directory, "hosts");
    writeFileSync(mounted, "");
    const mount = 'mount --make-rprivate / && mount --bind "$0" "$1" && shift && exec "$@"';
    const words = ["unshare", "-m", "sh", "-c", mount, real, mounted, ...PROGRAM];
    await using place = new HostsPlace(hostsYaml(backends), { directory: outside.directory, words });
    const { ino } = statSync(real);
    const program = await place.run();
    expect((await program.until("hosts_in_place")).message).toStartWith(
      `${mounted} is a mount point, so it is written in place`,
    );
    const text = (): string => readFileSync(real, "utf8");
    await until(() => text().includes("127.0.1.1  db.test"), "the first backend is written");
    program.child.kill("SIGKILL");
    await program.child.exited;
    // As a kill between the first pages of a write and its end would leave it.
    const before = text();
    const after = before.replace("127.0.1.1  db.test\n", "127.0.1.2  db.test\n127.0.1.1  db.test\n");
    const journal = {
      before: Buffer.from(before).toString("base64"),
      after: Buffer.from(after).toString("base64"),
    };
    const name = new Bun.CryptoHasher("sha256").update(mounted).digest("hex").slice(0, 16);
    writeFileSync(join(place.state, `hosts-${name}.journal`), JSON.stringify(journal));
    const cut = after.indexOf("127.0.1.2") + 25;
    const torn = after.slice(0, cut) + before.slice(cut);
    expect([torn === before, torn === after]).toEqual([false, false]);
    writeFileSync(real, torn);
    const again = await place.run();
    expect((await again.until("hosts_completed")).message).toContain("it is complete now");
    expect([statSync(real).ino, text().startsWith(LOCAL)]).toEqual([ino, true]);
    for (const backend of backends) await backend.kill();
  },
  PATIENCE,
);
