import { type Exchange, NEXT, type Step, type StepResult } from "../../../../net/exchange.ts";
import type { Head } from "../../../../net/head.ts";
import type { Middleware } from "../contract.ts";
import { FieldChanges } from "./field_changes.ts";
import type { HeadersOptions } from "./schema.ts";
import { type SecurityField, securityFields } from "./security_fields.ts";

export const headers: Middleware<HeadersOptions> = {
  name: "headers",
  create({ request, response, security }) {
    const toBackend = new FieldChanges(request);
    const toClient = new FieldChanges(response);
    const fields = securityFields(security);
    const step: Step = { name: "headers", stage: "rewrite", pure: true };
    const looksAtRequest = !toBackend.isEmpty || toClient.mayBreak;
    const looksAtResponse = !toClient.isEmpty || fields.length > 0;
    return {
      ...step,
      ...(looksAtRequest
        ? { onRequest: (exchange: Exchange) => changeRequest(exchange, toBackend, toClient) }
        : {}),
      ...(looksAtResponse
        ? {
            wraps: true,
            onResponse(exchange: Exchange, head: Head) {
              toClient.applyToResponse(head, exchange);
              addSecurity(exchange, head, fields, security.override);
            },
          }
        : {}),
    };
  },
};

function changeRequest(exchange: Exchange, toBackend: FieldChanges, toClient: FieldChanges): StepResult {
  if ((toBackend.mayBreak && toBackend.breaks(exchange)) || (toClient.mayBreak && toClient.breaks(exchange)))
    return exchange.fail("FL_BAD_TARGET", "a query parameter cannot stand in a field");
  const lines = toBackend.linesFor(exchange);
  if (lines === null) return exchange.fail("FL_HEADER_TOO_LARGE", "placeholders make too much");
  toBackend.applyToRequest(exchange.request, lines);
  return NEXT;
}

function addSecurity(
  exchange: Exchange,
  head: Head,
  fields: readonly SecurityField[],
  override: boolean,
): void {
  for (const { name, line, secureOnly } of fields) {
    if (secureOnly && !exchange.secure) continue;
    if (override) head.remove(name);
    else if (head.get(name) !== null) continue;
    head.appended += line;
  }
}
