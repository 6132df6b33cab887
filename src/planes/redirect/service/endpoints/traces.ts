/** Traces of requests that asked for them, from all workers of the gateway in this program. */
import { giveJson } from "../http/answer.ts";
import type { Call } from "../http/call.ts";
import { type Endpoint, json } from "../http/endpoint.ts";
import type { Service } from "../service.ts";
import { ServiceError } from "../service_error.ts";

const PERMISSION = "traces";

async function traces(call: Call, { facts }: Service, clear: boolean): Promise<ReturnType<typeof giveJson>> {
  const sessions = await facts.traces({ app: call.app, id: call.query.get("id"), clear });
  if (sessions !== null) return giveJson({ sessions });
  throw new ServiceError(404, "requests are not traced here; the setting redirect.session_traces does that");
}

const QUERY = { id: "Only the session with this `rSessionId`." };

export const traceEndpoints: readonly Endpoint[] = [
  {
    id: "getTraces",
    method: "GET",
    path: "/traces/{app}",
    summary: "How traced requests were decided, the newest sessions first",
    permission: PERMISSION,
    query: QUERY,
    gives: json("The sessions with their events."),
    handle: (call, service) => traces(call, service, false),
  },
  {
    id: "clearTraces",
    method: "DELETE",
    path: "/traces/{app}",
    summary: "The same, and forgets them",
    permission: PERMISSION,
    query: QUERY,
    gives: json("The sessions that were forgotten."),
    handle: (call, service) => traces(call, service, true),
  },
];
