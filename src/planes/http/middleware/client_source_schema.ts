import { z } from "zod";
import { network } from "../../../core/schema/network.ts";

const MAX_DEPTH = 64;

/** Which address a client counts as, in Traefik's terms. */
export const ipStrategy = z
  .strictObject({
    depth: z.int().min(0).max(MAX_DEPTH).prefault(0).meta({
      description:
        "The address at this place of `X-Forwarded-For`, counted from the right; 0 = not used. Where the list is shorter, there is no address.",
    }),
    excluded_ips: z.array(network()).prefault([]).meta({
      description: "The first address of `X-Forwarded-For`, from the right, that is none of these.",
    }),
    ipv6_subnet: z.int().min(0).max(128).optional().meta({
      description:
        "IPv6 addresses that agree in this many bits count as one: the first address of their network.",
    }),
  })
  .superRefine(({ depth, excluded_ips }, context) => {
    if (depth === 0 || excluded_ips.length === 0) return;
    context.addIssue({
      code: "custom",
      path: ["excluded_ips"],
      message: "is not used beside `depth`; expected one of them",
    });
  });

export type IpStrategyOptions = z.output<typeof ipStrategy>;
