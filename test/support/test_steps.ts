/** Middlewares for tests alone: one that waits, one that changes a body, one that copies it, and ones that look at it. */
import { z } from "zod";
import type { ConfigPart } from "../../src/config/parts.ts";
import type { CreateProgram } from "../../src/core/worker_program.ts";
import { NEXT, WAIT, type BodyStage, type Exchange, type Step } from "../../src/net/exchange.ts";
import { createStep } from "../../src/planes/http/middleware/all.ts";
import { HttpProgram } from "../../src/planes/http/program.ts";

const part = (name: string, shape: Readonly<Record<string, z.ZodType>>): ConfigPart => ({
  name,
  summary: `For tests: ${name}.`,
  schema: z.strictObject(shape),
});

export const testParts: readonly ConfigPart[] = [
  part("test_wait", { ms: z.int(), deadline: z.int().prefault(1_000) }),
  part("test_upper", { side: z.enum(["request", "response"]) }),
  part("test_tee", {}),
  part("test_peek", { bytes: z.int(), whole: z.boolean().prefault(false) }),
  part("test_slot", { name: z.string() }),
  part("test_throw", {}),
];

/** What the steps saw, for assertions. */
export interface TestObservations {
  readonly teed: string[];
  readonly peeked: string[];
  readonly done: string[];
}

/** A program whose routes may use `testParts`. */
export function programWithTestSteps(seen: TestObservations): CreateProgram {
  return (identity) =>
    new HttpProgram(identity, {
      createStep(name, options, context) {
        const settings = options as Record<string, unknown>;
        switch (name) {
          case "test_wait":
            return waitingStep(settings["ms"] as number, settings["deadline"] as number);
          case "test_upper":
            return settings["side"] === "request"
              ? { name, requestStage: () => UPPER }
              : { name, responseStage: () => UPPER };
          case "test_tee":
            return { name, requestStage: () => teeStage(seen.teed) };
          case "test_peek":
            return peekingStep(settings["bytes"] as number, settings["whole"] as boolean, seen.peeked);
          case "test_slot":
            return slotStep(settings["name"] as string, context.slot(), seen.done);
          case "test_throw":
            return {
              name,
              onRequest() {
                throw new Error("the step is broken");
              },
            };
          default:
            return createStep(name, options, context);
        }
      },
    });
}

function waitingStep(ms: number, deadline: number): Step {
  return {
    name: "test_wait",
    onRequest(exchange: Exchange) {
      const token = exchange.wait(deadline);
      setTimeout(() => exchange.resume(token, NEXT), ms);
      return WAIT;
    },
  };
}

const UPPER: BodyStage = {
  write(_, bytes, from, to, next) {
    const upper = Buffer.from(
      Buffer.from(bytes.subarray(from, to)).toString("latin1").toUpperCase(),
      "latin1",
    );
    return next.write(upper, 0, upper.length);
  },
  end: (_, trailers, next) => next.end(trailers),
};

function teeStage(copies: string[]): BodyStage {
  const index = copies.push("") - 1;
  return {
    keepsLength: true,
    write(_, bytes, from, to, next) {
      copies[index] += Buffer.from(bytes.subarray(from, to)).toString("latin1");
      return next.write(bytes, from, to);
    },
    end: (_, trailers, next) => next.end(trailers),
  };
}

function peekingStep(bytes: number, whole: boolean, peeked: string[]): Step {
  return {
    name: "test_peek",
    body: { kind: whole ? "buffer" : "peek", bytes },
    onRequest(exchange) {
      peeked.push(Buffer.from(exchange.bodyBytes!).toString("latin1"));
      return NEXT;
    },
  };
}

function slotStep(name: string, slot: number, done: string[]): Step {
  return {
    name: "test_slot",
    onRequest(exchange) {
      if (exchange.slots[slot] !== undefined) throw new Error("a slot holds what another exchange left");
      exchange.slots[slot] = name;
      return NEXT;
    },
    onResponse: (exchange, head) => head.add("X-Slot", String(exchange.slots[slot])),
    onDone: (exchange) => void done.push(String(exchange.slots[slot])),
  };
}
