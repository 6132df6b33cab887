/** `fairlead --version`. */
import packageJson from "../../package.json" with { type: "json" };
import type { Output } from "./command.ts";

/** Version of the program. */
export const VERSION: string = packageJson.version;

/** Prints the version; `--json` gives the parts. Returns the exit code. */
export function versionCommand(args: readonly string[], output: Output): number {
  const { platform, arch } = process;
  if (args.includes("--json"))
    output.out(`${JSON.stringify({ version: VERSION, bun: Bun.version, platform, arch })}\n`);
  else output.out(`fairlead ${VERSION} (Bun ${Bun.version}, ${platform} ${arch})\n`);
  return 0;
}
