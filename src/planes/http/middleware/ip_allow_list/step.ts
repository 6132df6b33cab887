import { CidrSet } from "../../../../net/addresses.ts";
import { NEXT } from "../../../../net/exchange.ts";
import { clientSource } from "../client_source.ts";
import type { Middleware } from "../contract.ts";
import { refuse, refuseSilently } from "../refuse.ts";
import type { IpAllowListOptions } from "./schema.ts";

const FORBIDDEN = 403;

export const ipAllowList: Middleware<IpAllowListOptions> = {
  name: "ip_allow_list",
  create({ source_range, ip_strategy, reject_status_code: status }) {
    const allowed = new CidrSet(source_range);
    const source = clientSource(ip_strategy);
    return {
      name: "ip_allow_list",
      pure: true,
      stage: "access",
      onRequest(exchange) {
        // No address ("") is in no network: whoever hides it is refused.
        if (allowed.has(source(exchange))) return NEXT;
        return status === FORBIDDEN
          ? refuse(exchange, "FL_FORBIDDEN")
          : refuseSilently(exchange, "FL_FORBIDDEN", status);
      },
    };
  },
};
