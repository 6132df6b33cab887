import { operation } from "../operation.ts";
import { fullStatus } from "../schemas.ts";

export const statusOperation = operation({
  id: "getStatus",
  method: "GET",
  paths: ["/admin/status"],
  summary: "What `fairlead status --json` shows",
  description: "Asks every worker for its numbers; one that does not answer within a second has none.",
  answers: { 200: { description: "The status.", schema: fullStatus, isResource: true } },
  async handle(_request, services) {
    const status = await services.status();
    return { status: 200, isResource: true, body: { ...status, backends: services.backends.list() } };
  },
});
