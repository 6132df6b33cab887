import { z } from "zod";
import { statusCode } from "../../../../core/schema/field.ts";
import { network } from "../../../../core/schema/network.ts";
import { ipStrategy } from "../client_source_schema.ts";
import type { MiddlewarePart } from "../contract.ts";

const schema = z.strictObject({
  source_range: z.array(network()).min(1).meta({ description: "Addresses and networks that may pass." }),
  ip_strategy: ipStrategy.optional().meta({
    description: "Which address is looked up; without it the client's, as `trusted_proxies` give it.",
  }),
  reject_status_code: statusCode().prefault(403).meta({ description: "Status for everybody else." }),
});

export type IpAllowListOptions = z.output<typeof schema>;

export const ipAllowListPart: MiddlewarePart<IpAllowListOptions> = {
  name: "ip_allow_list",
  summary: "Lets requests pass by the address of their client and refuses the rest.",
  schema,
};
