/** `fairlead check` of the original hosts redirector's files. */
import { ConfigCache } from "../../config/config_files.ts";
import { problemText } from "../../config/problem.ts";
import type { ConfigParts } from "../../config/parts.ts";
import { counted } from "../../core/text/counted.ts";
import type { Output } from "../command.ts";
import { loadHosts } from "./hosts_plan.ts";

/** Prints what is wrong, or what the files hold, in the words and the JSON of our own files. Resolves with the exit code. */
export async function checkOriginal(
  file: string,
  parts: ConfigParts,
  asJson: boolean,
  output: Output,
): Promise<number> {
  const { plan, original } = await loadHosts({ file, set: [] }, parts, new ConfigCache());
  const { problems, warnings } = original!;
  if (asJson) {
    const report = { ok: plan !== null, problems, warnings, degraded_files: [] };
    output.out(`${JSON.stringify(report, null, 2)}\n`);
  } else {
    const last =
      plan === null
        ? counted(problems.length, "problem")
        : `ok: ${counted(plan.hosts?.names.length ?? 0, "name")} of the hosts redirector`;
    const lines = [
      ...warnings.map((warning) => `warning: ${problemText(warning)}`),
      ...problems.map(problemText),
      `${file}: ${last}`,
    ];
    output.out(`${lines.join("\n")}\n`);
  }
  return plan === null ? 1 : 0;
}
