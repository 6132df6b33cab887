/** `fairlead status`: what a running program does, once or again and again. */
import { messageOf } from "../core/text/message_of.ts";
import type { BackendReport } from "../admin/backend_overrides.ts";
import { askSupervisor, type ControlAnswer } from "../run/control_client.ts";
import type { SupervisorStatus } from "../run/status.ts";
import { backendTable } from "./backend_table.ts";
import { readOptions, type Output } from "./command.ts";
import { FIND_HELP, FIND_OPTIONS, runtimeDirectory } from "./configuration.ts";
import type { ProgramParts } from "./program_parts.ts";
import { textTable } from "./text_table.ts";

const WATCH_MS = 1_000;
/** Erases the terminal and puts the cursor at its top (ECMA-48). */
const CLEAR = "\x1b[H\x1b[2J";

const HELP = `usage: fairlead status [-c FILE | --state-dir DIR | --runtime-dir DIR] [--watch] [--json]

Shows what the running program does: its state and the last reload, files of the configuration whose last good content acts,
listeners, workers and backends.

      --watch            show it again every second, until Ctrl-C
${FIND_HELP}
examples:
  fairlead status
  fairlead status -c /etc/fairlead/fairlead.yaml --watch
  fairlead status --json | jq '.workers[] | {pid, generation}'

exit code: 0 when the program answers, 1 when it does not
`;

interface FullStatus extends SupervisorStatus {
  readonly backends: readonly BackendReport[];
}

/** Runs the command with the arguments behind `status`. Resolves with the exit code. */
export async function statusCommand(
  args: readonly string[],
  program: ProgramParts,
  output: Output,
): Promise<number> {
  const options = { ...FIND_OPTIONS, watch: { type: "boolean", default: false } } as const;
  const given = readOptions("status", HELP, args, options, output);
  if (typeof given === "number") return given;
  try {
    const directory = await runtimeDirectory(given, program.config);
    for (;;) {
      const status = await fullStatus(directory);
      const text = given.json ? `${JSON.stringify(status)}\n` : statusText(status);
      output.out(given.watch && !given.json ? `${CLEAR}${text}` : text);
      if (!given.watch) return 0;
      await Bun.sleep(WATCH_MS);
    }
  } catch (error) {
    if (given.json) output.out(`${JSON.stringify({ ok: false, error: messageOf(error) })}\n`);
    else output.error(`fairlead status: ${messageOf(error)}\n`);
    return 1;
  }
}

async function fullStatus(directory: string): Promise<FullStatus> {
  const [status, { backends }] = await Promise.all([
    ask(directory, { command: "status" }),
    ask(directory, { command: "backends", action: "list" }),
  ]);
  return { ...status, backends } as unknown as FullStatus;
}

async function ask(directory: string, request: object): Promise<ControlAnswer> {
  const answer = await askSupervisor(directory, request);
  if (!answer.ok) throw new Error(String(answer["error"]));
  return answer;
}

/** The status as lines for people. */
export function statusText(status: FullStatus): string {
  const { pid, state, generation, last_reload: reload } = status;
  const lines = [`${state}, pid ${pid}, generation ${generation}\n`];
  if (reload !== null) {
    lines.push(`last reload ${reload.at}: ${reload.ok ? "in force" : "refused"}\n`);
    for (const problem of reload.problems) lines.push(`  ${problem}\n`);
  }
  for (const file of status.degraded_files) lines.push(`degraded: ${file} (its last good content acts)\n`);
  lines.push("\n", textTable(["listener", "address"], status.listeners.map(listenerRow)));
  lines.push(
    "\n",
    textTable(
      ["worker", "pid", "state", "generation", "connections", "requests", "waiting"],
      workerRows(status),
    ),
  );
  if (status.backends.length > 0) lines.push("\n", backendTable(status.backends));
  return lines.join("");
}

function listenerRow({ name, address, port }: SupervisorStatus["listeners"][number]): string[] {
  if (port === 0) return [name, address];
  return [name, address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`];
}

function workerRows({ workers }: SupervisorStatus): string[][] {
  return workers.map(({ index, pid, ready, draining, generation, stats }) => {
    const figure = (name: string): string => (stats === null ? "?" : String(stats[name] ?? ""));
    const state = draining ? "draining" : ready ? "ready" : "starting";
    const figures = ["connections", "active", "queued"].map(figure);
    return [String(index), String(pid), state, String(generation), ...figures];
  });
}
