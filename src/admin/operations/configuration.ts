import { operation } from "../operation.ts";
import { configuration } from "../schemas.ts";
import type { AdminServices } from "../services.ts";

/** The configuration that acts, as it is shown. */
export function configurationOf(services: AdminServices) {
  return { generation: services.snapshot().generation, settings: services.settings() };
}

export const configurationOperation = operation({
  id: "getConfiguration",
  method: "GET",
  paths: ["/admin/config"],
  summary: "The configuration that acts: every value and what set it, without secrets",
  description: "The rows of `fairlead check --origin`.",
  answers: { 200: { description: "The configuration.", schema: configuration, isResource: true } },
  handle: (_request, services) => ({ status: 200, isResource: true, body: configurationOf(services) }),
});
