/** `fairlead --version`. */
import { VERSION } from "../core/version.ts";
import type { Output } from "./command.ts";

/** Prints the version; `--json` gives the parts. Returns the exit code. */
export function versionCommand(args: readonly string[], output: Output): number {
  const { platform, arch } = process;
  if (args.includes("--json"))
    output.out(`${JSON.stringify({ version: VERSION, bun: Bun.version, platform, arch })}\n`);
  else output.out(`fairlead ${VERSION} (Bun ${Bun.version}, ${platform} ${arch})\n`);
  return 0;
}
