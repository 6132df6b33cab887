/** `fairlead hosts once` and `diff`: every candidate is probed once, and the file written or compared. */
import { changeState, liveState } from "../../core/health/delta.ts";
import { messageOf } from "../../core/text/message_of.ts";
import type { Plan } from "../../core/plan.ts";
import type { Snapshot } from "../../core/snapshot.ts";
import { strategyByName } from "../../core/strategies/all.ts";
import type { HostName } from "../../planes/hosts/host_name.ts";
import { HostNames } from "../../planes/hosts/host_names.ts";
import { candidateReports, type CandidateReport } from "../../planes/hosts/report.ts";
import { HostsFile } from "../../planes/hosts/hosts_file.ts";
import { addressesByName } from "../../planes/hosts/lines.ts";
import { machineHash } from "../../platform/machine_id.ts";
import { realClock } from "../../platform/clock.ts";
import { healthPart } from "../../probes/part.ts";
import { readOptions, type Output } from "../command.ts";
import type { ProgramParts } from "../program_parts.ts";
import { textTable } from "../text_table.ts";
import { loadHosts } from "./hosts_plan.ts";
import { lineDiff } from "./line_diff.ts";
import { CHOICE_HELP, CHOICE_OPTIONS, choiceOf } from "./options.ts";

/** Time beyond the slowest probe for everything around it. */
const MARGIN_MS = 1_000;

const usage = (
  name: string,
  what: string,
  examples: string,
) => `usage: fairlead hosts ${name} [-c FILE] [--hosts-file FILE] [--set PATH=VALUE …] [--json]

${what}

${CHOICE_HELP}      --json             print the result as JSON
  -h, --help             print this

examples:
${examples}
exit code: 0 when the file is as it should be, or would be, also where a name has no healthy backend (which is shown with
the reasons), 1 when something has failed
`;

const ONCE_HELP = usage(
  "once",
  `Probes every candidate once, writes the hosts file where it has to change, and exits. A name of which no backend answers
keeps what it has, unless it has another on_all_down and unhealthy_after is 1.`,
  `  fairlead hosts once -c fairlead.yaml
  fairlead hosts once -c /etc/redirector/config.yml --json | jq .names
`,
);

const DIFF_HELP = usage(
  "diff",
  "Probes every candidate once and shows how the hosts file would change. Nothing is written.",
  `  fairlead hosts diff -c fairlead.yaml
  fairlead hosts diff -c fairlead.yaml --hosts-file ./hosts
`,
);

export function hostsOnceCommand(
  args: readonly string[],
  program: ProgramParts,
  output: Output,
): Promise<number> {
  return runOnce("once", ONCE_HELP, args, program, output);
}

export function hostsDiffCommand(
  args: readonly string[],
  program: ProgramParts,
  output: Output,
): Promise<number> {
  return runOnce("diff", DIFF_HELP, args, program, output);
}

async function runOnce(
  name: "once" | "diff",
  help: string,
  args: readonly string[],
  program: ProgramParts,
  output: Output,
): Promise<number> {
  const options = { ...CHOICE_OPTIONS, json: { type: "boolean", default: false } } as const;
  const given = readOptions(`hosts ${name}`, help, args, options, output);
  if (typeof given === "number") return given;
  try {
    const { plan, problems, warnings, files } = await loadHosts(choiceOf(given), await program.config());
    for (const warning of warnings) output.error(`warning: ${warning}\n`);
    if (plan === null) throw new Error(problems.join("\n"));
    const result = await decideOnce(plan, files, name === "diff" || plan.hosts!.dry_run);
    output.out(given.json ? `${JSON.stringify({ ok: true, ...result })}\n` : resultText(result));
    return 0;
  } catch (error) {
    if (given.json) output.out(`${JSON.stringify({ ok: false, error: messageOf(error) })}\n`);
    else output.error(`fairlead hosts ${name}: ${messageOf(error)}\n`);
    return 1;
  }
}

interface OnceResult {
  readonly file: string;
  /** The file has changed, or would. */
  readonly changed: boolean;
  readonly diff: string;
  readonly names: readonly {
    readonly name: string;
    readonly state: string;
    readonly addresses: readonly string[];
    /** What the probes have found. */
    readonly candidates: readonly CandidateReport[];
  }[];
}

async function decideOnce(plan: Plan, files: Snapshot["files"], isOnlyShown: boolean): Promise<OnceResult> {
  const hosts = plan.hosts!;
  const { file: path } = hosts;
  const file = new HostsFile(hosts, plan.state_dir);
  if (!isOnlyShown) await file.open();
  try {
    const names = await probedNames(plan, files, file);
    const wanted = names.wanted();
    const { before, after } = await file.preview(wanted);
    if (!isOnlyShown) await file.update(wanted);
    const report = names.all.map((name) => ({
      name: name.plan.name,
      state: name.state,
      addresses: name.addresses ?? [],
      candidates: candidateReports(name),
    }));
    return { file: path, changed: before !== after, diff: lineDiff(path, before, after), names: report };
  } finally {
    if (!isOnlyShown) await file.close();
  }
}

/** The names after every candidate has had a result, or its time is over. */
async function probedNames(plan: Plan, files: Snapshot["files"], file: HostsFile): Promise<HostNames> {
  const names = new HostNames({
    strategy: strategyByName,
    random: Math.random,
    machine_hash: machineHash(),
  });
  const snapshot = liveState<Snapshot>({
    generation: 1,
    plan,
    files,
    health: {},
    members: {},
    overrides: {},
    documents: {},
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  let wait: Timer | undefined;
  const settle = (): void => {
    const now = realClock.now();
    names.decide(names.all, now);
    if (names.all.every(isSettled)) resolve();
    clearTimeout(wait);
    const { again_ms } = names;
    wait = again_ms === null ? undefined : setTimeout(settle, Math.max(1, again_ms - now));
  };
  const inFile = await file.read().then(
    ({ lines }) => addressesByName(lines),
    () => null,
  );
  names.planChanged(plan, snapshot, inFile, realClock.now());
  const keeper = healthPart({
    isKept: false,
    probed(member, result) {
      if (names.probed(member, result, realClock.now()).length > 0) settle();
    },
  })({
    snapshot: () => snapshot,
    publish(delta) {
      changeState(snapshot, delta);
      names.membersChanged(
        plan.pools.map(({ name }) => name),
        snapshot,
        false,
        realClock.now(),
      );
      settle();
    },
  });
  const slowest = Math.max(0, ...plan.pools.map(({ health_check }) => health_check?.timeout_ms ?? 0));
  const timer = setTimeout(resolve, slowest + MARGIN_MS);
  try {
    await keeper.planChanged(plan);
    settle();
    await promise;
  } finally {
    clearTimeout(timer);
    await keeper.stop();
    clearTimeout(wait);
  }
  return names;
}

/** A second probe would not tell more. */
function isSettled(name: HostName): boolean {
  const { family, max_entries } = name.plan;
  // With several addresses a first healthy one is not all of it.
  const isOneAddress = family !== "both" && max_entries === 1;
  const candidates = name.candidates();
  if (name.state !== "waiting" && (isOneAddress || candidates.length === 0)) return true;
  // A backend whose name is not resolved yet is waited for.
  if (name.state === "waiting" && name.again_ms !== null) return false;
  return candidates.length > 0 && candidates.every(({ health }) => health !== "unknown");
}

function resultText({ diff, names, file }: OnceResult): string {
  const rows = names.map(({ name, state, addresses }) => [name, state, addresses.join(", ")]);
  const table = rows.length === 0 ? "" : textTable(["name", "state", "addresses"], rows);
  return `${table}${failures(names)}${diff === "" ? `${file} stays as it is\n` : diff}`;
}

/** Why names lead to nobody who is healthy. */
function failures(names: OnceResult["names"]): string {
  const rows = names
    .filter(({ state }) => state !== "serving")
    .flatMap(({ name, candidates }) =>
      candidates.map(({ backend, health, reason }) => [name, backend, health, reason || "no answer yet"]),
    );
  return rows.length === 0
    ? ""
    : `\n${textTable(["no healthy backend", "backend", "health", "last probe"], rows)}\n`;
}
