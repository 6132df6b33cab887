import { expect, test } from "bun:test";
import {
  cpuCount,
  groupId,
  identify,
  isAlive,
  processName,
  raiseOpenFileLimit,
  userId,
} from "./processes.ts";
import { requireRoot } from "../../test/support/require.ts";

test("a process is told apart from a later one with its pid", async () => {
  const child = Bun.spawn(["sleep", "60"], { stdio: ["ignore", "ignore", "ignore"] });
  const identity = identify(child.pid);
  if (identity === null) throw new Error("the child is not there");
  expect(isAlive(identity)).toBe(true);
  expect(isAlive({ ...identity, start_time: identity.start_time + 1 })).toBe(false);
  child.kill("SIGKILL");
  await child.exited;
  expect(isAlive(identity)).toBe(false);
  expect(identify(child.pid)).toBeNull();
  expect(processName(child.pid)).toBe("");
});

test("users and groups by name and number", () => {
  expect([userId("root"), userId("1234"), groupId("root"), groupId("99")]).toEqual([0, 1234, 0, 99]);
  expect(() => userId("no-such-user")).toThrow("no user named no-such-user");
  expect(() => groupId("no-such-group")).toThrow("no group named no-such-group");
});

test("limits of the machine are numbers", () => {
  expect(cpuCount()).toBeGreaterThan(0);
  expect(raiseOpenFileLimit()).toBeGreaterThan(0);
});

const notRoot = requireRoot();

test.skipIf(notRoot !== null)("root gives up user, group and supplementary groups for good", () => {
  const program = `
    const { dropPrivileges } = await import(${JSON.stringify(new URL("./processes.ts", import.meta.url).href)});
    dropPrivileges("nobody", null);
    let back = "refused";
    try { process.setuid(0); back = "root again"; } catch {}
    const groups = (await Bun.file("/proc/self/status").text()).match(/^(Uid|Gid|Groups):.*$/gm).join("|");
    console.log(groups.replace(/\\s+/g, " ") + " " + back);`;
  const { stdout, stderr } = Bun.spawnSync([process.execPath, "-e", program]);
  expect(stderr.toString()).toBe("");
  const uid = userId("nobody");
  expect(stdout.toString()).toMatch(
    new RegExp(`^Uid: ${uid} ${uid} ${uid} ${uid}\\|Gid: (\\d+) \\1 \\1 \\1\\|Groups: +refused`),
  );
});
