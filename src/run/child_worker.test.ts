import { expect, test } from "bun:test";
import { ChildWorker } from "./child_worker.ts";
import { VERSION } from "../core/version.ts";

test("a worker of another version is refused in words", async () => {
  const program = `process.send({ type: "up", version: "0.0.0-other" }); setInterval(() => {}, 1_000);`;
  const worker = new ChildWorker(3, [process.execPath, "-e", program]);
  try {
    expect(await worker.start(null, null).catch(String)).toBe(
      `Error: it is of version 0.0.0-other and its supervisor of ${VERSION}; start the program anew`,
    );
  } finally {
    worker.kill();
    await worker.exited;
  }
});

test("what a worker has for parts of the supervisor comes as it was told", async () => {
  const told = { type: "told", part: "of a test", message: { count: 3 } };
  const program = `process.send(${JSON.stringify(told)}); setInterval(() => {}, 1_000);`;
  const worker = new ChildWorker(0, [process.execPath, "-e", program]);
  const heard = Promise.withResolvers<unknown>();
  worker.onTold = (part, message) => heard.resolve([part, message]);
  try {
    expect(await heard.promise).toEqual([told.part, told.message]);
  } finally {
    worker.kill();
    await worker.exited;
  }
});

test("what is told to a worker whose channel is closed already is lost without a fault", async () => {
  const program = `process.disconnect(); setInterval(() => {}, 1_000);`;
  const worker = new ChildWorker(0, [process.execPath, "-e", program]);
  try {
    const refusal = (): Promise<unknown> => worker.apply().catch(String);
    for (
      let said = "";
      !said.includes("IPC channel");
      said = String(await Promise.race([refusal(), Bun.sleep(20)]))
    );
    expect(() => worker.delta({ health: {}, members: {}, overrides: {}, documents: {} })).not.toThrow();
  } finally {
    worker.kill();
    await worker.exited;
  }
});
