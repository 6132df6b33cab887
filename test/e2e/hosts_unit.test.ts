/** The systemd unit of the hosts plane: its exposure, and that its rights are enough. */
import { expect, test } from "bun:test";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { requireRoot, requireTool } from "../support/require.ts";
import { PROGRAM } from "../support/program.ts";
import { backendProcesses, HostsPlace, hostsYaml } from "./hosts_program.ts";

const UNIT = join(import.meta.dir, "../../deploy/systemd/fairlead-hosts.service");
const PATIENCE = 60_000;

const lackingAnalyze = requireTool("systemd-analyze");
test.skipIf(lackingAnalyze !== null)("HF41 the unit is well formed, and its exposure is at most 3.0", () => {
  const found = Bun.spawnSync(["systemd-analyze", "security", "--offline=true", UNIT]);
  const level = /Overall exposure level for fairlead-hosts\.service: ([\d.]+)/.exec(
    found.stdout.toString(),
  )?.[1];
  expect(Number(level)).toBeLessThanOrEqual(3);
  const verified = Bun.spawnSync(["systemd-analyze", "verify", UNIT]);
  const problems = verified.stderr.toString().trim().split("\n");
  // The program is not installed where the tests run.
  expect(
    problems.filter((line) => line !== "" && !line.includes("/usr/bin/fairlead is not executable")),
  ).toEqual([]);
});

/** The capabilities that the unit leaves, as setpriv names them. */
function capabilities(): string {
  const line = /^CapabilityBoundingSet=(.*)$/m.exec(readFileSync(UNIT, "utf8"))![1]!;
  return line
    .split(" ")
    .map((name) => `+${name.replace(/^CAP_/, "").toLowerCase()}`)
    .join(",");
}

const lacking = requireTool("setpriv") ?? requireTool("unshare") ?? requireRoot();
test.skipIf(lacking !== null)(
  "HF41 under the unit's user, capabilities and mounts the hosts file is written",
  async () => {
    const backends = await backendProcesses(2);
    // What systemd would do: everything read-only but the folder of the hosts file and the state directory.
    const mounts =
      'mount --make-rprivate / && mount --bind "$0" "$0" && mount -o remount,ro,bind / && mount -o remount,rw,bind "$0" && exec "$@"';
    const rights = [
      "setpriv",
      "--bounding-set",
      `-all,${capabilities()}`,
      "--inh-caps",
      "-all",
      "--no-new-privs",
    ];
    await using probe = new HostsPlace("");
    const words = ["unshare", "-m", "sh", "-c", mounts, probe.directory, ...rights, ...PROGRAM];
    await using place = new HostsPlace(hostsYaml(backends), {
      hosts: "127.0.0.1 localhost\n",
      words,
      directory: probe.directory,
    });
    const program = await place.run();
    await place.untilBlock("127.0.1.1 db.test");
    const bounded = readFileSync(`/proc/${program.child.pid}/status`, "utf8");
    // CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER and CAP_NET_BIND_SERVICE alone.
    expect(/^CapBnd:\s+(\w+)$/m.exec(bounded)?.[1]).toBe("000000000000040b");
    const { mode, uid, gid } = statSync(place.hostsFile);
    expect([mode & 0o777, uid, gid]).toEqual([0o644, 0, 0]);
    await backends[0]!.kill();
    await place.untilBlock("127.0.1.2 db.test");
    await backends[1]!.kill();
  },
  PATIENCE,
);
