/** The description of the service for programs. */
import { giveJson } from "../http/answer.ts";
import { type Endpoint, json, KNOWN } from "../http/endpoint.ts";
import { serviceOpenApi } from "../http/openapi.ts";

export function openApiEndpoint(endpoints: () => readonly Endpoint[]): Endpoint {
  return {
    id: "getServiceOpenApi",
    method: "GET",
    path: "/openapi.json",
    summary: "This description",
    permission: KNOWN,
    gives: json("An OpenAPI 3.1 document."),
    handle: () => giveJson(serviceOpenApi(endpoints())),
  };
}
