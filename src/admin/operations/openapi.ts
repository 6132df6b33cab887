import { openApi } from "../openapi.ts";
import { operation, type Operation } from "../operation.ts";
import { openApiDocument } from "../schemas.ts";

/** Shows all `operations`, itself included. */
export function openApiOperation(operations: () => readonly Operation[]): Operation {
  return operation({
    id: "getOpenApi",
    method: "GET",
    paths: ["/admin/openapi.json"],
    summary: "This document",
    answers: { 200: { description: "OpenAPI 3.1.", schema: openApiDocument, isResource: true } },
    handle: () => ({ status: 200, isResource: true, body: openApi(operations()) }),
  });
}
