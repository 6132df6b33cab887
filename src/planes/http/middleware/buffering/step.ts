import {
  type BodyStage,
  type Exchange,
  NEXT,
  type Step,
  type StepContext,
  UNKNOWN_LENGTH,
} from "../../../../net/exchange.ts";
import type { Middleware } from "../contract.ts";
import type { BufferingOptions } from "./schema.ts";

const NOTHING: Step = { name: "buffering", stage: "body", pure: true };

export const buffering: Middleware<BufferingOptions> = {
  name: "buffering",
  create({ max_request_body_bytes: limit }, context) {
    if (limit === 0) return NOTHING;
    const stage = countingStage(limit, context);
    return {
      name: "buffering",
      stage: "body",
      onRequest(exchange) {
        if (exchange.requestLength <= limit) return NEXT;
        return tooLarge(exchange, context);
      },
      foresee(exchange) {
        if (exchange.requestLength > limit) return { result: exchange.fail("FL_BODY_TOO_LARGE"), detail: "" };
        return { result: NEXT, detail: `a body has at most ${limit} bytes` };
      },
      // A body with a declared length cannot be longer than that.
      requestStage: (exchange) => (exchange.requestLength === UNKNOWN_LENGTH ? stage : null),
    };
  },
};

function tooLarge(exchange: Exchange, context: StepContext): ReturnType<Exchange["fail"]> {
  context.limitHit("request_body_bytes");
  return exchange.fail("FL_BODY_TOO_LARGE");
}

/** One stage for all requests: how much has come stands in a slot of the exchange. */
function countingStage(limit: number, context: StepContext): BodyStage {
  const slot = context.slot();
  return {
    keepsLength: true,
    write(exchange, bytes, from, to, next) {
      const before = (exchange.slots[slot] as number | undefined) ?? 0;
      if (before > limit) return true;
      const size = before + to - from;
      exchange.slots[slot] = size;
      if (size <= limit) return next.write(bytes, from, to);
      tooLarge(exchange, context);
      return true;
    },
    end(exchange, trailers, next) {
      if (((exchange.slots[slot] as number | undefined) ?? 0) <= limit) next.end(trailers);
    },
  };
}
