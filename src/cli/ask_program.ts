/** One question to the running program, for commands whose answer is an object with `ok`. */
import { messageOf } from "../core/text/message_of.ts";
import { askSupervisor, type ControlAnswer } from "../run/control_client.ts";
import { runtimeDirectory } from "./configuration.ts";
import type { ProgramParts } from "./program_parts.ts";

/**
 * The answer of the program that `find` (the options of `FIND_OPTIONS`) leads to; `{ ok: false, error }` when it cannot be
 * found or does not answer.
 */
export async function askProgram(
  find: Parameters<typeof runtimeDirectory>[0],
  { config }: ProgramParts,
  request: object,
): Promise<ControlAnswer> {
  try {
    return await askSupervisor(await runtimeDirectory(find, config), request);
  } catch (error) {
    return { ok: false, error: messageOf(error) };
  }
}
