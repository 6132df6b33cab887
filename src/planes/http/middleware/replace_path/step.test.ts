import { expect, test } from "bun:test";
import { runStep, testStep } from "../test_exchange.ts";
import { replacePathPart } from "./schema.ts";

test("every request gets the path; the query stays; the old path is told", () => {
  const step = testStep(replacePathPart, { path: "/new caf\u00e9" });
  const run = runStep(step, {
    target: "/old/%2e?a=%20",
    fields: ["Host: a", "X-Replaced-Path: /forged", "x_replaced-path: /forged"],
  });
  expect(run.exchange.target).toBe("/new%20caf%C3%A9?a=%20");
  expect(run.sent).toEqual(["Host: a", "X-Replaced-Path: /old/%2e"]);
});
