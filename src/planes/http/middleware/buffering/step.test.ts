import { expect, test } from "bun:test";
import type { BodySink } from "../../../../net/exchange.ts";
import { foreseeing, runStep, testContext, testStep } from "../test_exchange.ts";
import { bufferingPart } from "./schema.ts";

const CHUNKED = ["Host: a", "Transfer-Encoding: chunked"];

test.each([
  [0, 0],
  [9, 0],
  [10, 0],
  [11, 413],
  [1_000_000_000_000, 413],
])("H-I16/step a declared length of %p with a limit of 10: %p", (length, status) => {
  const context = testContext();
  const step = testStep(bufferingPart, { max_request_body_bytes: "10" }, context);
  const run = runStep(step, { method: "POST", fields: ["Host: a", `Content-Length: ${length}`] });
  expect(run.status).toBe(status);
  expect(run.failed).toBe(status === 0 ? "" : "FL_BODY_TOO_LARGE");
  expect(context.limits).toEqual(status === 0 ? [] : ["request_body_bytes"]);
  expect(step.requestStage!(run.exchange)).toBeNull();
});

/** Writes parts of these sizes through the stage; what came out, and whether the end did. */
function relay(limit: string, sizes: readonly number[]) {
  const context = testContext();
  const step = testStep(bufferingPart, { max_request_body_bytes: limit }, context);
  const run = runStep(step, { method: "POST", fields: CHUNKED });
  const stage = step.requestStage!(run.exchange)!;
  const out: number[] = [];
  let ended = false;
  const sink: BodySink = {
    write: (_bytes, from, to) => out.push(to - from) > 0,
    end: () => (ended = true),
  };
  for (const size of sizes) if (!run.isDone) stage.write(run.exchange, new Uint8Array(size), 0, size, sink);
  if (!run.isDone) stage.end(run.exchange, null, sink);
  return { run, out, ended, limits: context.limits };
}

test("H-I16/step a chunked body is counted as it comes, to the byte", () => {
  expect(relay("10", [4, 6])).toMatchObject({ out: [4, 6], ended: true, limits: [] });
  const over = relay("10", [4, 6, 1, 5]);
  expect(over).toMatchObject({ out: [4, 6], ended: false, limits: ["request_body_bytes"] });
  expect(over.run.status).toBe(413);
  expect(relay("10", [11])).toMatchObject({ out: [], ended: false });
});

test("two requests at once are counted apart", () => {
  const step = testStep(bufferingPart, { max_request_body_bytes: "10" });
  const sink: BodySink = { write: () => true, end() {} };
  const runs = [1, 2].map(() => runStep(step, { method: "POST", fields: CHUNKED }));
  for (const { exchange } of runs)
    for (let part = 0; part < 2; part++)
      step.requestStage!(exchange)!.write(exchange, new Uint8Array(5), 0, 5, sink);
  expect(runs.map(({ status }) => status)).toEqual([0, 0]);
});

test("0 is no limit and costs nothing", () => {
  expect(Object.keys(testStep(bufferingPart, {}))).toEqual(["name", "stage", "pure"]);
});

test("what would happen to a declared length is told without counting", () => {
  const context = testContext();
  const step = foreseeing(testStep(bufferingPart, { max_request_body_bytes: 3 }, context));
  const withLength = (length: number) => ({ fields: ["Host: a", `Content-Length: ${length}`] });
  expect(runStep(step, withLength(3)).result).toBe(0);
  expect(runStep(step, withLength(4)).failed).toBe("FL_BODY_TOO_LARGE");
  expect(context.limits).toEqual([]);
});
