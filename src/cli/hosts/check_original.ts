/** `fairlead check` of the original hosts redirector's files. */
import { ConfigCache } from "../../config/config_files.ts";
import type { ConfigParts } from "../../config/parts.ts";
import type { Output } from "../command.ts";
import { loadHosts } from "./hosts_plan.ts";

/** Prints what is wrong, or what the files hold. Resolves with the exit code. */
export async function checkOriginal(
  file: string,
  parts: ConfigParts,
  asJson: boolean,
  output: Output,
): Promise<number> {
  const { plan, problems, warnings } = await loadHosts({ file, set: [] }, parts, new ConfigCache());
  if (asJson) output.out(`${JSON.stringify({ ok: plan !== null, problems, warnings }, null, 2)}\n`);
  else {
    const names = plan?.hosts?.names.length ?? 0;
    const found = `ok: ${names} ${names === 1 ? "name" : "names"} of the hosts redirector`;
    const last = plan === null ? `${problems.length} problems` : found;
    const lines = [...warnings.map((text) => `warning: ${text}`), ...problems, `${file}: ${last}`];
    output.out(`${lines.join("\n")}\n`);
  }
  return plan === null ? 1 : 0;
}
