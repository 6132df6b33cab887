/** About the service itself: who asks, whether it is there, and which program it is. */
import { VERSION } from "../../../../core/version.ts";
import { giveJson, giveText } from "../http/answer.ts";
import { type Endpoint, json, KNOWN, text } from "../http/endpoint.ts";

export const aboutEndpoints: readonly Endpoint[] = [
  {
    id: "getAuthInfo",
    method: "GET",
    path: "/auth/authinfo",
    summary: "Who asks, and what they may do",
    permission: KNOWN,
    gives: json("Name and permissions."),
    handle: ({ who }) => giveJson({ userName: who.name, permissions: who.granted }),
  },
  {
    id: "getServiceVersion",
    method: "GET",
    path: "/version",
    summary: "Which program this is",
    permission: null,
    gives: json("Name and version."),
    handle: () =>
      giveJson({
        projectName: "fairlead",
        projectVersion: VERSION,
        serviceName: "redirect",
        serviceVersion: VERSION,
      }),
  },
  {
    id: "getServiceHealth",
    method: "GET",
    path: "/healthCheck",
    summary: "Whether the service can read and write its store",
    permission: null,
    gives: text("`OK`, or 503 with why not."),
    handle: (_call, { facts }) => {
      const state = facts.store()?.state ?? null;
      if (state?.kind === "connected") return giveText("OK");
      return giveText(state?.kind === "disconnected" ? state.reason : "the store is not open", 503);
    },
  },
];
