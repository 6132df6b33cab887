/** `fairlead backends`: shows the backends of a running program, and takes them out of traffic or back. */
import type { BackendChange, BackendReport } from "../admin/backend_overrides.ts";
import { askProgram } from "./ask_program.ts";
import { backendTable, weightText } from "./backend_table.ts";
import { readCommand, usageError, type Output } from "./command.ts";
import { FIND_HELP, FIND_OPTIONS } from "./configuration.ts";
import type { ProgramParts } from "./program_parts.ts";

const HELP = `usage: fairlead backends [list] [options]
       fairlead backends enable|drain|disable|reset ID [options]
       fairlead backends weight ID WEIGHT [options]

Shows the backends of the running program, or sets one of them. What is set beats the configuration, also after reloads,
upgrades and restarts, until it is reset.

  list               all backends with health, weight and addresses (the default)
  enable ID          it takes traffic again
  drain ID           it finishes what it has and takes no new work, until it is enabled
  disable ID         it drains; what is left after timeouts.drain is cut (tunnels after timeouts.drain_tunnels)
  weight ID WEIGHT   its share of the traffic, 0 to 65535
  reset ID           back to what the configuration says

ID is pool/id, or the id alone where only one pool has it.

      --force            with disable: cut everything at once
${FIND_HELP}
examples:
  fairlead backends
  fairlead backends drain web/web1
  fairlead backends disable web1 --force
  fairlead backends weight web2 10 --json | jq .backend.weight

exit code: 0 when it is so now (or was before), 1 when there is no such backend or nobody answers
`;

const ACTIONS = ["list", "enable", "drain", "disable", "weight", "reset"];

type Answer =
  | { readonly ok: true; readonly backends: readonly BackendReport[] }
  | ({ readonly ok: true; readonly backends?: undefined } & BackendChange)
  | { readonly ok: false; readonly error: string; readonly matches?: readonly string[] };

/** Runs the command with the arguments behind `backends`. Resolves with the exit code. */
export async function backendsCommand(
  args: readonly string[],
  program: ProgramParts,
  output: Output,
): Promise<number> {
  const options = { ...FIND_OPTIONS, force: { type: "boolean", default: false } } as const;
  const given = readCommand("backends", HELP, args, options, output);
  if (typeof given === "number") return given;
  const { words, values } = given;
  const request = requestOf(words, values.force);
  if (typeof request === "string") return usageError("backends", request, output);
  const answer = (await askProgram(values, program, request)) as unknown as Answer;
  if (values.json) output.out(`${JSON.stringify(answer)}\n`);
  else if (!answer.ok) output.error(`fairlead backends: ${answer.error}\n`);
  else if (answer.backends !== undefined) output.out(backendTable(answer.backends));
  else print(answer, output);
  return answer.ok ? 0 : 1;
}

/** The request for the control socket, or what is wrong with the words. */
function requestOf(
  [action = "list", id, weight, ...more]: readonly string[],
  force: boolean,
): object | string {
  const command = "backends";
  if (!ACTIONS.includes(action)) return `${action}: expected ${ACTIONS.join(", ")}`;
  if (force && action !== "disable") return "--force belongs to disable";
  const tooMany =
    more.length > 0 ||
    (action !== "weight" && weight !== undefined) ||
    (action === "list" && id !== undefined);
  if (tooMany) return "too many arguments";
  if (action === "list") return { command, action };
  if (id === undefined) return `${action}: which backend? expected an id`;
  if (action === "disable") return { command, action, id, force };
  if (action !== "weight") return { command, action, id };
  if (weight === undefined || !/^\d+$/.test(weight)) return "weight: expected a whole number from 0 to 65535";
  return { command, action, id, weight: Number(weight) };
}

function print({ backend, changed, warnings }: BackendChange, output: Output): void {
  for (const warning of warnings) output.error(`warning: ${warning}\n`);
  const what = `${backend.pool}/${backend.id} is ${backend.enabled}, weight ${weightText(backend)}`;
  output.out(changed ? `${what}\n` : `nothing changed: ${what}\n`);
}
