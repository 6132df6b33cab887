/** What the halves of a plane in supervisor and workers say to each other. */
import { expect, test } from "bun:test";
import type { WorkerProgram } from "../core/worker_program.ts";
import type { SupervisorFacade } from "./parts.ts";
import { startInProcess } from "./start_in_process.ts";
import { createTestProgram, TestCounters, testPlan } from "./test_program.ts";

test("a part of a worker is asked by its name, and what it tells comes to the parts of the supervisor", async () => {
  const told: [string, unknown][] = [];
  let facade: SupervisorFacade | null = null;
  let tellIt: (part: string, message: unknown) => void = () => {};
  await using server = await startInProcess(testPlan({ web: null }), {
    counters: new TestCounters(),
    createProgram(identity, _warn, tell) {
      tellIt = tell;
      const program = createTestProgram(identity);
      const answer = (part: string, question: unknown) => (part === "known" ? { question } : null);
      return Object.assign(program, { answer }) as WorkerProgram;
    },
    parts: [
      (supervisor) => {
        facade = supervisor;
        return {
          planChanged() {},
          stop() {},
          told: (part: string, message: unknown) => told.push([part, message]),
        };
      },
    ],
  });
  expect(server.port("web")).toBeGreaterThan(0);
  expect(await facade!.askWorkers("known", [1])).toEqual([{ question: [1] }]);
  expect(await facade!.askWorkers("unknown", [1])).toEqual([]);
  tellIt("known", { count: 1 });
  expect(told).toEqual([["known", { count: 1 }]]);
});
