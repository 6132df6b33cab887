/** Asking the redirector of the running program. */
import { messageOf } from "../../core/text/message_of.ts";
import { askSupervisor, type ControlAnswer } from "../../run/control_client.ts";
import type { Output } from "../command.ts";
import { DEFAULT_RUNTIME_DIRECTORY, runtimeDirectory } from "../configuration.ts";
import type { ProgramParts } from "../program_parts.ts";

export const WHERE_OPTIONS = {
  config: { type: "string", short: "c" },
  "state-dir": { type: "string" },
  "runtime-dir": { type: "string" },
  json: { type: "boolean", default: false },
} as const;

export const WHERE_HELP = `  -c, --config FILE      the configuration that the program runs with
      --state-dir DIR    the state directory that the program was started with
      --runtime-dir DIR  its runtime directory (default: ${DEFAULT_RUNTIME_DIRECTORY})
      --json             print the result as JSON
  -h, --help             print this
`;

export interface Where {
  readonly config?: string | undefined;
  readonly "state-dir"?: string | undefined;
  readonly "runtime-dir"?: string | undefined;
  readonly json: boolean;
}

/** Prints the answer, or why there is none. Resolves with the exit code. */
export async function printAnswer(
  command: string,
  request: object,
  where: Where,
  { program, output }: { readonly program: ProgramParts; readonly output: Output },
  text: (answer: ControlAnswer) => string,
): Promise<number> {
  try {
    const answer = await askSupervisor(await runtimeDirectory(where, program.config), request);
    if (!answer.ok) throw new Error(String(answer["error"]));
    output.out(where.json ? `${JSON.stringify(answer)}\n` : text(answer));
    return 0;
  } catch (error) {
    if (where.json) output.out(`${JSON.stringify({ ok: false, error: messageOf(error) })}\n`);
    else output.error(`fairlead ${command}: ${messageOf(error)}\n`);
    return 1;
  }
}
