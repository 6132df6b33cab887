import { healthStatus } from "../health.ts";
import { operation } from "../operation.ts";
import { healthReport } from "../schemas.ts";

export const healthOperation = operation({
  id: "getHealth",
  method: "GET",
  paths: ["/health"],
  summary: "Whether the program serves, for balancers and service managers",
  description: "Needs no token.",
  isOpen: true,
  ignoresQuery: true,
  answers: {
    200: { description: "It serves.", schema: healthReport },
    503: { description: "It starts or drains.", schema: healthReport },
  },
  handle(_request, services) {
    const body = services.health();
    return { status: healthStatus(body), body };
  },
});
