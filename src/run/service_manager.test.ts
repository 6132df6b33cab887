import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NotifySocket } from "../../test/support/notify_socket.ts";
import { ServiceManager, successorEnvironment } from "./service_manager.ts";

const fail = (text: string): never => {
  throw new Error(text);
};

test("the manager hears of the start, of life, of the end and of a successor", async () => {
  const folder = mkdtempSync(join(tmpdir(), "fairlead-notify-"));
  const socket = new NotifySocket(join(folder, "notify"));
  const manager = new ServiceManager({ NOTIFY_SOCKET: socket.path, WATCHDOG_USEC: "20000" }, fail);
  manager.ready("serving on web", true);
  expect(socket.said).toEqual(["READY=1 STATUS=serving on web"]);
  while (socket.said.filter((text) => text === "WATCHDOG=1").length < 3) await Bun.sleep(1);
  manager.stopping();
  manager.succeededBy(77);
  const { length } = socket.said;
  expect(socket.said.slice(-2)).toEqual(["STOPPING=1 STATUS=draining", "MAINPID=77 READY=1"]);
  await Bun.sleep(50);
  expect(socket.said.length).toBe(length);
  socket.close();
  rmSync(folder, { recursive: true });
});

test("a watchdog of another process is not ours, and a successor does not take its pid along", async () => {
  const folder = mkdtempSync(join(tmpdir(), "fairlead-notify-"));
  const socket = new NotifySocket(join(folder, "notify"));
  const environment = { NOTIFY_SOCKET: socket.path, WATCHDOG_USEC: "2000", WATCHDOG_PID: "1" };
  const manager = new ServiceManager(environment, fail);
  manager.ready("serving", true);
  await Bun.sleep(20);
  expect(socket.said).toEqual(["READY=1 STATUS=serving"]);
  manager.close();
  expect(successorEnvironment(environment)).toEqual({ NOTIFY_SOCKET: socket.path, WATCHDOG_USEC: "2000" });
  socket.close();
  rmSync(folder, { recursive: true });
});

test("without a manager nothing happens, and one that is gone is told of once", () => {
  new ServiceManager({}, fail).ready("serving", true);
  const warnings: string[] = [];
  const manager = new ServiceManager(
    { NOTIFY_SOCKET: "/nowhere/notify" },
    (text) => void warnings.push(text),
  );
  manager.ready("serving", true);
  manager.stopping();
  expect(warnings).toEqual(["the service manager cannot be told (READY=1): connect: ENOENT"]);
});

test("a watchdog of months is no watchdog of milliseconds, and what is no number is none", async () => {
  const folder = mkdtempSync(join(tmpdir(), "fairlead-notify-"));
  const socket = new NotifySocket(join(folder, "notify"));
  for (const every of ["99999999999999999", "-1", "1e300", "Infinity", "0x10", "1 s", ""]) {
    const manager = new ServiceManager({ NOTIFY_SOCKET: socket.path, WATCHDOG_USEC: every }, fail);
    manager.ready("serving", false);
    await Bun.sleep(15);
    expect([every, socket.said]).toEqual([every, []]);
    manager.close();
  }
  socket.close();
  rmSync(folder, { recursive: true });
});
