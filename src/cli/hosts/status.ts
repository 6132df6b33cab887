/** `fairlead hosts status`: where the names lead, and why. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../core/text/message_of.ts";
import type { HostsReport, NameReport } from "../../planes/hosts/report.ts";
import { askSupervisor, NotRunningError } from "../../run/control_client.ts";
import { controlSocketPath } from "../../run/runtime_directory.ts";
import { readCommand, type Output } from "../command.ts";
import { DEFAULT_RUNTIME_DIRECTORY, runtimeDirectory } from "../configuration.ts";
import type { ProgramParts } from "../program_parts.ts";
import { textTable } from "../text_table.ts";
import { DEFAULT_HOSTS_RUNTIME_DIR, isOriginal } from "./hosts_plan.ts";

const WATCH_MS = 1_000;
/** Erases the terminal and puts the cursor at its top (ECMA-48). */
const CLEAR = "\x1b[H\x1b[2J";

const ELSEWHERE =
  "expected a program that runs; --state-dir or --runtime-dir finds one that was started with it";

const HELP = `usage: fairlead hosts status [NAME …] [-c FILE | --state-dir DIR | --runtime-dir DIR] [--watch] [--json]

Shows the names of the running program with their addresses, and what its probes have found of every candidate. With NAME
(also an alias, or a pool) only these.

  -c, --config FILE      the configuration that the program runs with
      --state-dir DIR    the state directory that the program was started with
      --runtime-dir DIR  its runtime directory (default: ${DEFAULT_HOSTS_RUNTIME_DIR}, else ${DEFAULT_RUNTIME_DIRECTORY})
      --watch            show it again every second, until Ctrl-C
      --json             print the result as JSON
  -h, --help             print this

examples:
  fairlead hosts status
  fairlead hosts status db.internal --watch
  fairlead hosts status --json | jq '.names[] | select(.state != "serving") | .name'

exit code: 0 when the program answers, 1 when it does not
`;

/** Runs the command with the arguments behind `hosts status`. Resolves with the exit code. */
export async function hostsStatusCommand(
  args: readonly string[],
  program: ProgramParts,
  output: Output,
): Promise<number> {
  const options = {
    config: { type: "string", short: "c" },
    "state-dir": { type: "string" },
    "runtime-dir": { type: "string" },
    watch: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  } as const;
  const read = readCommand("hosts status", HELP, args, options, output);
  if (typeof read === "number") return read;
  const { values: given, words } = read;
  try {
    const directory = await directoryOf(given, program);
    for (;;) {
      const answer = await askSupervisor(directory, { command: "hosts" });
      if (!answer.ok) throw new Error(String(answer["error"]));
      const report = onlyNamed(answer as unknown as HostsReport, words);
      const text = given.json ? `${JSON.stringify(report)}\n` : statusText(report);
      output.out(given.watch && !given.json ? `${CLEAR}${text}` : text);
      if (!given.watch) return 0;
      await Bun.sleep(WATCH_MS);
    }
  } catch (error) {
    const message = error instanceof NotRunningError ? `${error.message}; ${ELSEWHERE}` : messageOf(error);
    if (given.json) output.out(`${JSON.stringify({ ok: false, error: message })}\n`);
    else output.error(`fairlead hosts status: ${message}\n`);
    return 1;
  }
}

interface Where {
  readonly config?: string | undefined;
  readonly "state-dir"?: string | undefined;
  readonly "runtime-dir"?: string | undefined;
}

/** That of a program which runs the names alone, where there is one. */
async function directoryOf(where: Where, program: ProgramParts): Promise<string> {
  if (where["runtime-dir"] !== undefined) return where["runtime-dir"];
  if (where["state-dir"] !== undefined) return join(where["state-dir"], "run");
  const isAlone = existsSync(controlSocketPath(DEFAULT_HOSTS_RUNTIME_DIR));
  if (isAlone || (where.config !== undefined && (await isOriginal(where.config, await program.config()))))
    return DEFAULT_HOSTS_RUNTIME_DIR;
  return runtimeDirectory(where, program.config);
}

/** The report with the names that `wanted` says, all without any. Throws Error for a word that is none of them. */
function onlyNamed(report: HostsReport, wanted: readonly string[]): HostsReport {
  const isMeant = ({ name, aliases, pool }: NameReport, word: string): boolean =>
    [name, ...aliases, pool].includes(word.toLowerCase());
  for (const word of wanted)
    if (!report.names.some((name) => isMeant(name, word)))
      throw new Error(`${word}: expected a name, an alias or a pool of the hosts plane`);
  const names = report.names.filter((name) => wanted.some((word) => isMeant(name, word)));
  return wanted.length === 0 ? report : { ...report, names };
}

/** The status as lines for people. */
export function statusText({ file, write, dry_run, problem, last_write, dns, names }: HostsReport): string {
  if (file === null) return "the configuration has no section hosts\n";
  const how = write === null ? "" : `, written ${write === "rename" ? "by rename" : "in place"}`;
  const lines = [`${file}${how}${dry_run ? ", dry run: nothing is written" : ""}\n`];
  if (last_write !== null) lines.push(`last write ${last_write.at}, ${last_write.bytes} bytes\n`);
  if (problem !== null) lines.push(`problem: ${problem}\n`);
  if (dns !== null) lines.push(`by DNS on ${dns.host}:${dns.port}\n`);
  const hasZones = names.some(({ candidates }) => candidates.some(({ zone }) => zone !== null));
  const rows = names.flatMap((name) => nameRows(name, hasZones));
  const titles = [
    "name",
    "state",
    "backend",
    "address",
    ...(hasZones ? ["zone"] : []),
    "health",
    "last probe",
  ];
  if (rows.length > 0) lines.push("\n", textTable(titles, rows));
  return lines.join("");
}

/** A line for each candidate, the one in use marked; the name stands in the first. */
function nameRows({ name, state, candidates, addresses }: NameReport, hasZones: boolean): string[][] {
  if (candidates.length === 0) return [[name, state, "-", (addresses ?? []).join(" ")]];
  return candidates.map(({ backend, address, zone, health, reason, in_use }, index) => [
    ...(index === 0 ? [name, state] : ["", ""]),
    `${in_use ? "*" : " "} ${backend}`,
    address ?? "-",
    ...(hasZones ? [zone ?? ""] : []),
    health,
    reason,
  ]);
}
