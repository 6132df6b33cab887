import { operation } from "../operation.ts";
import { hostsReport } from "../schemas.ts";

export const hostsOperation = operation({
  id: "getHosts",
  method: "GET",
  paths: ["/admin/hosts"],
  summary: "What `fairlead hosts status --json` shows",
  description:
    "The names of the hosts file with their addresses, and what probes have found of every candidate.",
  answers: { 200: { description: "The names.", schema: hostsReport } },
  handle: (_request, services) => ({ status: 200, body: services.hosts() }),
});
