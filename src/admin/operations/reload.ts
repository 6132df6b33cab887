import { z } from "zod";
import { etagOf, expectMatch } from "../etag.ts";
import { operation } from "../operation.ts";
import { AdminError } from "../problem.ts";
import { reloadAnswer, type ReloadReport } from "../schemas.ts";
import type { AdminServices } from "../services.ts";
import { configurationOf } from "./configuration.ts";

export const reloadOperation = operation({
  id: "reload",
  method: "POST",
  paths: ["/admin/reload"],
  summary: "Load the configuration again",
  description:
    "Answers when every worker serves it. What is refused changes nothing. If-Match takes the ETag of `/admin/config`.",
  query: z.strictObject({
    dry_run: z.enum(["true", "false"], { error: "expected true or false" }).default("false").meta({
      description: "Load, check and build it in every worker, tell what would change, change nothing.",
    }),
  }),
  takesIfMatch: true,
  answers: {
    200: { description: "It acts now, or did before; or what a dry run has found.", schema: reloadAnswer },
  },
  problems: [422, 500],
  async handle({ query, ifMatch, by }, services) {
    if (ifMatch !== null) expectMatch(ifMatch, configurationOf(services));
    if (query.dry_run === "true") {
      const result = await services.dryRun();
      if (!result.ok)
        throw new AdminError(422, "it would be refused", {
          problems: [...result.problems],
          generation: result.generation,
        });
      return { status: 200, body: result };
    }
    const { generation } = services.snapshot();
    const result = await services.reload(ifMatch === null ? { by } : { by, generation });
    if (!result.ok) throw refusal(result, services);
    return { status: 200, body: result };
  },
});

function refusal(result: ReloadReport & { ok: false }, services: AdminServices): AdminError {
  const { generation } = result;
  const problems = [...result.problems];
  if (result.superseded === true) {
    const current = configurationOf(services);
    return new AdminError(412, problems.join("; "), { etag: etagOf(current), current, generation });
  }
  if (result.acts === true)
    return new AdminError(
      500,
      "the new configuration acts in part: something failed when there was no way back",
      {
        problems,
        generation,
      },
    );
  return new AdminError(422, "the configuration is refused, the one before goes on", {
    problems,
    generation,
  });
}
