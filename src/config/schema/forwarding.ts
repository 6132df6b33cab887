/** `forwarding:`, what is told about a request. */
import { z } from "zod";
import { DEFAULT_FORWARDING } from "../../core/defaults.ts";
import type { ForwardingPlan } from "../../core/plan.ts";

export const forwarding = z.strictObject({
  via: z
    .boolean()
    .prefault(DEFAULT_FORWARDING.via)
    .meta({ description: "Send Via on requests and answers (RFC 9110)." }),
  forwarded: z
    .boolean()
    .prefault(DEFAULT_FORWARDING.forwarded)
    .meta({ description: "Send Forwarded (RFC 7239) beside X-Forwarded-*." }),
  request_id_in_answers: z
    .boolean()
    .prefault(DEFAULT_FORWARDING.request_id_in_answers)
    .meta({ description: "Send X-Request-ID on answers too." }),
}) satisfies z.ZodType<ForwardingPlan>;
