import { NEXT, type Exchange } from "../../../../net/exchange.ts";
import { type ClientSource, clientSource } from "../client_source.ts";
import type { Middleware } from "../contract.ts";
import { sourceKey } from "./source_key.ts";
import type { InFlightReqOptions } from "./schema.ts";

/** The text that tells sources apart; requests without it ("") are one source. */
function criterion(options: InFlightReqOptions["source_criterion"]): ClientSource {
  if (options?.ip_strategy !== undefined) return clientSource(options.ip_strategy);
  const header = options?.request_header_name;
  if (header !== undefined) return ({ request }) => request.get(header) ?? "";
  return ({ host }) => host;
}

export const inFlightReq: Middleware<InFlightReqOptions> = {
  name: "in_flight_req",
  create({ amount, source_criterion }, context) {
    const source = criterion(source_criterion);
    const counts = context.sharedCounts;
    const slot = context.slot();
    const scope = `${context.routeName} ${slot}`;
    let lastText = "";
    let lastKey = sourceKey(scope, "");
    const keyOf = (exchange: Exchange): number => {
      const text = source(exchange);
      if (text !== lastText) {
        lastKey = sourceKey(scope, text);
        lastText = text;
      }
      return lastKey;
    };
    return {
      name: "in_flight_req",
      stage: "limit",
      onRequest(exchange) {
        const key = keyOf(exchange);
        if (counts.enter(key, amount)) {
          exchange.slots[slot] = key;
          return NEXT;
        }
        context.limitHit("in_flight_req");
        return exchange.fail("FL_TOO_MANY_IN_FLIGHT");
      },
      foresee(exchange) {
        const count = counts.count(keyOf(exchange));
        const detail = `${count} of at most ${amount} in flight`;
        return { result: count < amount ? NEXT : exchange.fail("FL_TOO_MANY_IN_FLIGHT", detail), detail };
      },
      onDone(exchange) {
        const key = exchange.slots[slot];
        if (typeof key !== "number") return;
        exchange.slots[slot] = undefined;
        counts.leave(key);
      },
    };
  },
};
