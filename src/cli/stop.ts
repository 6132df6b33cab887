/** `fairlead stop`: drains a running supervisor and waits for its end; with `--orphans`, workers that have none. */
import { messageOf } from "../core/text/message_of.ts";
import { identify, isAlive, type ProcessIdentity } from "../platform/processes.ts";
import { askSupervisor, NotRunningError } from "../run/control_client.ts";
import { livingWorkers, recordedPid } from "../run/runtime_directory.ts";
import { readOptions, type Output } from "./command.ts";
import { FIND_HELP, FIND_OPTIONS, runtimeDirectory } from "./configuration.ts";
import type { ProgramParts } from "./program_parts.ts";

const POLL_MS = 20;

const HELP = `usage: fairlead stop [-c FILE | --state-dir DIR | --runtime-dir DIR] [--orphans] [--json]

Tells the running program to take no new connections, to finish what is under way and to end, and waits for that.
What is left at the deadlines timeouts.drain and timeouts.drain_tunnels is cut.

      --orphans          end workers whose supervisor has died, and only those; as ExecStopPost of a systemd unit
                         it does so only after a stop that was asked for, not after a crash (SERVICE_RESULT)
${FIND_HELP}
examples:
  fairlead stop
  fairlead stop -c /etc/fairlead/fairlead.yaml
  fairlead stop --orphans --runtime-dir /run/fairlead

exit code: 0 when the program has ended (or no orphan is left), 1 when nobody answers
`;

interface StopAnswer {
  readonly ok: boolean;
  readonly pid?: number;
  readonly error?: string;
}

interface StopResult {
  readonly ok: boolean;
  readonly pids: readonly number[];
  readonly error?: string;
}

/** Runs the command with the arguments behind `stop`. Resolves with the exit code. */
export async function stopCommand(
  args: readonly string[],
  program: ProgramParts,
  output: Output,
): Promise<number> {
  const options = { ...FIND_OPTIONS, orphans: { type: "boolean", default: false } } as const;
  const given = readOptions("stop", HELP, args, options, output);
  if (typeof given === "number") return given;
  let result: StopResult;
  try {
    const directory = await runtimeDirectory(given, program.config);
    result = given.orphans ? await stopOrphans(directory) : await stopSupervisor(directory);
  } catch (error) {
    result = { ok: false, pids: [], error: messageOf(error) };
  }
  if (given.json) output.out(`${JSON.stringify(result)}\n`);
  else if (result.error !== undefined) output.error(`fairlead stop: ${result.error}\n`);
  else
    output.out(result.pids.length === 0 ? "nothing to stop\n" : `stopped: pid ${result.pids.join(", ")}\n`);
  return result.ok ? 0 : 1;
}

async function stopSupervisor(directory: string): Promise<StopResult> {
  try {
    // Before it may be gone.
    const recorded = identify(recordedPid(directory));
    const answer = await askSupervisor(directory, { command: "stop" }).catch((error: unknown) => {
      // The answer may be lost when the process ends first: its end is what counts.
      if (error instanceof NotRunningError || recorded === null) throw error;
      return { ok: true, pid: recorded.pid };
    });
    const { ok, pid, error } = answer as StopAnswer;
    if (!ok || pid === undefined) throw new Error(error);
    // The file of the pid may be lost; then who answers is the one.
    const identity = recorded?.pid === pid ? recorded : identify(pid);
    if (identity !== null) await ended([identity]);
    return { ok: true, pids: [pid] };
  } catch (error) {
    const orphans = livingWorkers(directory).length;
    if (!(error instanceof NotRunningError) || orphans === 0) throw error;
    throw new Error(
      `${error.message}; ${orphans} workers without a supervisor still serve: --orphans ends them`,
      {
        cause: error,
      },
    );
  }
}

/** After these results of a service there will be no next start to take over from the orphans (systemd.exec(5)). */
const ENDED_ON_PURPOSE = ["success", "timeout"];

async function stopOrphans(directory: string): Promise<StopResult> {
  const { SERVICE_RESULT: result } = process.env;
  if (result !== undefined && !ENDED_ON_PURPOSE.includes(result)) return { ok: true, pids: [] };
  const supervised = await askSupervisor(directory, { command: "status" }).catch((error: unknown) => {
    if (error instanceof NotRunningError) return null;
    throw error;
  });
  if (supervised !== null) return { ok: true, pids: [] };
  const orphans = livingWorkers(directory);
  for (const { pid } of orphans) process.kill(pid, "SIGTERM");
  await ended(orphans);
  return { ok: true, pids: orphans.map(({ pid }) => pid) };
}

/** Waits for the end of processes; they have deadlines of their own. */
async function ended(processes: readonly ProcessIdentity[]): Promise<void> {
  while (processes.some(isAlive)) await Bun.sleep(POLL_MS);
}
