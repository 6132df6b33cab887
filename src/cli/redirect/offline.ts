/** `fairlead redirect offline`: bundles that the management service makes, for gateways that start without the store. */
import { loadConfig } from "../../config/load.ts";
import { problemText } from "../../config/problem.ts";
import { DEFAULT_REDIRECT } from "../../core/defaults.ts";
import { counted } from "../../core/text/counted.ts";
import { messageOf } from "../../core/text/message_of.ts";
import { applyBundle, type AppliedBundle, type BundleFolder } from "../../planes/redirect/offline/apply.ts";
import { realClock } from "../../platform/clock.ts";
import { realFiles } from "../../platform/files.ts";
import { DEFAULT_CONFIG_FILE, readCommand, usageError, type Output } from "../command.ts";
import type { ProgramParts } from "../program_parts.ts";

const HELP = `usage: fairlead redirect offline apply BUNDLE.zip [-c FILE [--state-dir DIR] | --path DIR] [--json]

Puts a bundle of the management service (coreBackup.zip) into the folder of a gateway's last known good. The next start takes it,
also where the store has models of the same version: it acts until its changes are approved in the store, or until "fairlead
redirect resume --store". A bundle that is damaged in any part changes nothing.

  -c, --config FILE    the configuration that the gateway runs with (default: ${DEFAULT_CONFIG_FILE})
      --state-dir DIR  the state directory that it is started with
      --path DIR       the folder itself, in place of a configuration
      --json           print the result as JSON
  -h, --help           print this

examples:
  fairlead redirect offline apply coreBackup.zip -c /etc/fairlead/fairlead.yaml && systemctl restart fairlead
  fairlead redirect offline apply coreBackup.zip --path /var/lib/fairlead/redirect --json | jq .models

exit code: 0 when the next start takes it, 1 when nothing has changed, 2 for arguments that cannot be understood
`;

const OPTIONS = {
  config: { type: "string", short: "c" },
  "state-dir": { type: "string" },
  path: { type: "string" },
  json: { type: "boolean", default: false },
} as const;

/** Runs the command with the arguments behind `redirect offline`. Resolves with the exit code. */
export async function redirectOfflineCommand(
  args: readonly string[],
  program: ProgramParts,
  output: Output,
): Promise<number> {
  const read = readCommand("redirect offline", HELP, args, OPTIONS, output);
  if (typeof read === "number") return read;
  const { words, values } = read;
  const [verb, file, more] = words;
  if (verb !== "apply" || file === undefined || more !== undefined)
    return usageError("redirect offline", "expected apply and one bundle", output);
  if (values.path !== undefined && (values.config ?? values["state-dir"]) !== undefined)
    return usageError("redirect offline", "expected either --path or a configuration", output);
  try {
    const folder = values.path === undefined ? await folderOf(values, program) : folderAt(values.path);
    const applied = await applyBundle(file, folder, realFiles, realClock);
    output.out(values.json ? `${JSON.stringify({ ok: true, ...applied })}\n` : appliedText(applied));
    return 0;
  } catch (error) {
    if (values.json) output.out(`${JSON.stringify({ ok: false, error: messageOf(error) })}\n`);
    else output.error(`fairlead redirect offline apply: ${messageOf(error)}\n`);
    return 1;
  }
}

function folderAt(path: string): BundleFolder {
  return { path, generations: DEFAULT_REDIRECT.generations, ...DEFAULT_REDIRECT.discovery };
}

interface FileChoice {
  readonly config?: string | undefined;
  readonly "state-dir"?: string | undefined;
}

/** Rejects with Error where the configuration is bad or has no redirector. */
async function folderOf(
  { config: file = DEFAULT_CONFIG_FILE, "state-dir": stateDirectory }: FileChoice,
  program: ProgramParts,
): Promise<BundleFolder> {
  const flags =
    stateDirectory === undefined ? [] : [{ flag: "--state-dir", path: "state_dir", text: stateDirectory }];
  const parts = await program.config();
  const { plan, problems } = await loadConfig({ file, parts, environment: process.env, flags });
  if (plan === null) throw new Error(problems.map(problemText).join("\n"));
  if (plan.redirect === null) throw new Error(`${file}: has no section redirect`);
  const { last_known_good: good, discovery } = plan.redirect;
  return { ...good, ...discovery };
}

function appliedText({ path, models, lists_version, saved_at }: AppliedBundle): string {
  const names = Object.entries(models).map(([app, version]) => `${app} ${version}`);
  const when = saved_at === null ? "" : `, made at ${saved_at}`;
  return `${path}: the next start takes ${counted(names.length, "model")} (${names.join(", ")}) and lists of version ${lists_version}${when}\n`;
}
