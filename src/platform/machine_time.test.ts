import { expect, test } from "bun:test";
import { bootId, machineTime } from "./machine_time.ts";

test("two programs see the same time and the same start", async () => {
  const code = `const m = await import(${JSON.stringify(`${import.meta.dir}/machine_time.ts`)}); console.log(m.machineTime(), m.bootId())`;
  const before = machineTime();
  const child = Bun.spawn([process.execPath, "-e", code], { stdio: ["ignore", "pipe", "ignore"] });
  const [time = "", boot] = (await child.stdout.text()).trim().split(" ");
  expect(Number(time)).toBeGreaterThanOrEqual(before);
  expect(Number(time)).toBeLessThanOrEqual(machineTime());
  expect(boot).toBe(bootId());
  expect(bootId()).toMatch(/^[0-9a-f-]{36}$/);
});
