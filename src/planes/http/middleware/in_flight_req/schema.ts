import { z } from "zod";
import { lowerFieldName } from "../../../../core/schema/field.ts";
import { ipStrategy } from "../client_source_schema.ts";
import type { MiddlewarePart } from "../contract.ts";

const MAX_AMOUNT = 2 ** 31 - 1;
const AMOUNT = "expected a whole number above 0";

const sourceCriterion = z
  .strictObject({
    ip_strategy: ipStrategy
      .optional()
      .meta({ description: "By the client's address; `{}` = the one that `trusted_proxies` give." }),
    request_header_name: lowerFieldName().optional().meta({ description: "By the value of this field." }),
    request_host: z.boolean().prefault(false).meta({ description: "By the host that is asked for." }),
  })
  .superRefine(({ ip_strategy, request_header_name, request_host }, context) => {
    const given = [ip_strategy !== undefined, request_header_name !== undefined, request_host].filter(
      Boolean,
    ).length;
    if (given === 1) return;
    context.addIssue({
      code: "custom",
      message: `expected exactly one of ip_strategy, request_header_name and request_host: true, got ${given}`,
    });
  });

const schema = z.strictObject({
  amount: z.int({ error: AMOUNT }).min(1, { error: AMOUNT }).max(MAX_AMOUNT).meta({
    description:
      "Requests of one source that may be at work at once, over all workers of the machine; more get 429.",
  }),
  source_criterion: sourceCriterion
    .optional()
    .meta({ description: "What requests are told apart by; without it the host." }),
});

export type InFlightReqOptions = z.output<typeof schema>;

export const inFlightReqPart: MiddlewarePart<InFlightReqOptions> = {
  name: "in_flight_req",
  summary: "Limits how many requests of one source are at work at once.",
  schema,
};
