/** The results as tables: against goals where there are any. */
import { ratios, spread } from "../support/statistics.ts";
import type { Table } from "../support/table.ts";
import type { AnswerFigure } from "./answers.ts";
import { ENTRIES } from "./memory.ts";
import { ENGINE_CELLS, type RedirectResult } from "./run.ts";
import { SWAPPED_RULES } from "./swaps.ts";

const MIB = 2 ** 20;
const PEERS = ["nginx", "haproxy"];
const GOALS = { answer: 1, memory: 120, swap: 200, pause: 20 } as const;

function shown(values: readonly number[], digits: number): string {
  const { median, lowest, highest } = spread(values);
  const text = (value: number): string =>
    value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return values.length === 1 ? text(median) : `${text(median)} (${text(lowest)} to ${text(highest)})`;
}

const median = (values: readonly number[]): number => spread(values).median;
const kept = (value: number, goal: number | null, unit = ""): string =>
  goal === null ? "" : `≤ ${goal}${unit} ${value <= goal ? "yes" : "no"}`;

export function redirectReport(result: RedirectResult, write: (table: Table) => string): string {
  const { machine, date, programs, rounds, seconds, missing } = result;
  const { cpu, cores, memory, kernel } = machine;
  const parts = [
    `${cpu}, ${cores} cores, ${memory}, ${kernel}; ${date.slice(0, 10)}. ${programs.map(({ label, version }) => `${label} ${version}`).join(", ")}. ` +
      `${rounds} rounds, ${seconds} s per stretch of answers. Medians (lowest to highest); access logs on in all.`,
  ];
  if (result.answers.length > 0)
    parts.push("### CPU µs per HTTP answer, one core each", write(answerTable(result)));
  if (result.engine.length > 0)
    parts.push("### CPU ns per decision, 1,000 hosts, random keys", write(engineTable(result)));
  if (result.memory !== null || result.swaps !== null)
    parts.push("### Lists and models of a program with two workers", write(dataTable(result)));
  return [...parts, ...missing.map((line) => `Not measured: ${line}`)].join("\n\n");
}

function answerTable({ answers, programs }: RedirectResult): Table {
  const counts = [...new Set(answers.map(({ rules }) => rules))];
  const rows = counts.map((rules) => {
    const found = programs.map(({ name }) =>
      answers.find((one) => one.rules === rules && one.peer === name)!,
    );
    const own = found[0]!;
    const best = bestOf(found);
    const ratio = best === null ? null : ratios(own.cpuUs, best.cpuUs);
    const cells = found.map(({ cpuUs }) => shown(cpuUs, 1));
    const last =
      ratio === null
        ? ["", ""]
        : [`${shown(ratio, 2)} × ${best!.peer}`, kept(median(ratio), rules === 10 ? GOALS.answer : null)];
    return [`${rules.toLocaleString("en")} rules`, ...cells, ...last];
  });
  return { head: ["", ...programs.map(({ label }) => label), "ratio to the best", "goal"], rows };
}

function bestOf(found: readonly AnswerFigure[]): AnswerFigure | null {
  const peers = found.filter(({ peer }) => PEERS.includes(peer));
  return peers.toSorted((one, other) => median(one.cpuUs) - median(other.cpuUs))[0] ?? null;
}

function engineTable({ engine }: RedirectResult): Table {
  const rows = engine.map(({ title, ns }, index) => {
    const { base, goal } = ENGINE_CELLS[index]!;
    if (base === null) return [title, shown(ns, 0), "", ""];
    const ratio = ratios(ns, engine[base]!.ns);
    return [title, shown(ns, 0), `${shown(ratio, 2)} × ${engine[base]!.title}`, kept(median(ratio), goal)];
  });
  return { head: ["", "Fairlead", "ratio", "goal"], rows };
}

function dataTable({ memory, swaps }: RedirectResult): Table {
  const rows: string[][] = [];
  if (memory !== null) {
    const { before, after, replaced, actsAfterMs } = memory;
    const entries = `${ENTRIES.toLocaleString("en")} entries`;
    const row = (title: string, bytes: number): void => {
      const mib = (bytes - before) / MIB;
      rows.push([title, shown([mib], 0), kept(mib, GOALS.memory)]);
    };
    row(`${entries}: MiB of the machine`, after);
    row(`${entries}: MiB after the list was replaced`, replaced);
    rows.push([`${entries}: ms from the write to the first answer`, shown([actsAfterMs], 0), ""]);
  }
  if (swaps !== null) {
    const rules = `${SWAPPED_RULES.toLocaleString("en")} rules`;
    const { swapMs, steadyP999Ms, meanwhileP999Ms, failed } = swaps;
    const more = meanwhileP999Ms.map((ms, run) => ms - steadyP999Ms[run]!);
    rows.push([
      `${rules}: ms from the end of the write to all workers`,
      shown(swapMs, 0),
      kept(median(swapMs), GOALS.swap),
    ]);
    rows.push([`${rules}: p99.9 of clients in ms, steady`, shown(steadyP999Ms, 1), ""]);
    rows.push([`${rules}: p99.9 of clients in ms, during swaps`, shown(meanwhileP999Ms, 1), ""]);
    rows.push([`${rules}: so much more`, shown(more, 1), kept(median(more), GOALS.pause)]);
    rows.push([`${rules}: failed requests`, shown([failed], 0), kept(failed, 0)]);
  }
  return { head: ["", "Fairlead", "goal"], rows };
}
