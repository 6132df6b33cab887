/** What everybody is told who has saved something. */
import type { ServiceAnswer } from "../http/answer.ts";
import type { Saved } from "../editing.ts";

/** Adds the version of the pending changes, and what is odd about what was saved. */
export function giveSaved(answer: ServiceAnswer, { pending, warnings }: Saved): ServiceAnswer {
  const lines = [
    `X-Fairlead-Pending-Version: ${pending.version}\r\n`,
    ...warnings.map(({ code }) => `X-Fairlead-Warning: ${code}\r\n`),
  ];
  return { ...answer, fields: `${answer.fields ?? ""}${[...new Set(lines)].join("")}` };
}
