/** The result of a run as tables, for the terminal and for the reference page. */
import { spread, median, type Spread } from "../support/statistics.ts";
import { markdownTable, plainTable, type Table } from "../support/table.ts";
import { bestMeasure, cpuOf, OTHER_PEERS, ratioTo, verdict } from "./compare.ts";
import { BY_ROUTES } from "./cells.ts";
import type { BenchResult, CellResult, FootprintResult, Measurement } from "./result.ts";

const NONE = "–";

const significant = (value: number): string =>
  value >= 100
    ? Math.round(value).toLocaleString("en-US")
    : value >= 10
      ? value.toFixed(1)
      : value.toFixed(2);

function withSpread({ median: middle, lowest, highest }: Spread, format: (value: number) => string): string {
  return Number.isNaN(middle) ? NONE : `${format(middle)} (${format(lowest)} to ${format(highest)})`;
}

const ratioText = (ratio: Spread | null): string => (ratio === null ? NONE : ratio.median.toFixed(2));

/** One row per cell, one column per peer. */
function byPeer(result: BenchResult, cell: (measurements: readonly Measurement[]) => string): Table {
  return {
    head: ["", ...result.peers.map(({ label }) => label)],
    rows: result.cells.map((each) => [
      each.title,
      ...result.peers.map(({ name }) => {
        const measurements = each.measurements[name] ?? [];
        return measurements.length === 0 ? NONE : cell(measurements);
      }),
    ]),
  };
}

function cpuTable(result: BenchResult): Table {
  const others = OTHER_PEERS.filter((name) => result.peers.some((peer) => peer.name === name));
  const label = (name: string | null): string => result.peers.find((peer) => peer.name === name)?.label ?? "";
  const row = (cell: CellResult): string[] => {
    const best = bestMeasure(cell);
    const ratio = ratioTo(cell, best);
    return [
      cell.title,
      ...result.peers.map(({ name }) => withSpread(spread(cpuOf(cell, name)), significant)),
      ratio === null ? NONE : `${withSpread(ratio, (value) => value.toFixed(2))} × ${label(best)}`,
      ...others.map((name) => ratioText(ratioTo(cell, name))),
    ];
  };
  return {
    head: [
      "",
      ...result.peers.map((peer) => peer.label),
      "ratio to the best",
      ...others.map((name) => `to ${label(name)}`),
    ],
    rows: result.cells.map(row),
  };
}

const middle = (measurements: readonly Measurement[], value: (one: Measurement) => number): number =>
  median(measurements.map(value));

function loadTables(result: BenchResult): readonly (readonly [string, Table])[] {
  const milliseconds = (value: number): string => significant(value / 1_000);
  return [
    ["CPU µs per request: median (lowest to highest) of the rounds", cpuTable(result)],
    [
      "CPU per request with 10,000 routes over that with ten: median (lowest to highest) of the rounds",
      routesTable(result),
    ],
    [
      "User + system µs per request, medians",
      byPeer(
        result,
        (all) =>
          `${significant(middle(all, (one) => one.userUs))} + ${significant(middle(all, (one) => one.systemUs))}`,
      ),
    ],
    [
      "Requests per second (use of the peer's core), medians",
      byPeer(
        result,
        (all) =>
          `${significant(middle(all, (one) => one.requestsPerSecond))} (${Math.round(middle(all, (one) => one.ownShare) * 100)} %)`,
      ),
    ],
    [
      "Latency in ms, p50 / p99, medians (closed loop: the load always waits for all connections)",
      byPeer(
        result,
        (all) =>
          `${milliseconds(middle(all, (one) => one.p50Us))} / ${milliseconds(middle(all, (one) => one.p99Us))}`,
      ),
    ],
    [
      "Resident memory in MiB under load, all processes, medians",
      byPeer(result, (all) => significant(middle(all, (one) => one.rssBytes) / 2 ** 20)),
    ],
    [
      "Checks: lowest reuse of upstream connections; most of the peer's core that others used; most time stolen by the host",
      byPeer(result, (all) => {
        const percent = (value: number): string => `${(value * 100).toFixed(1)} %`;
        const foreign = Math.max(...all.map((one) => one.foreignShare));
        const stolen = Math.max(...all.map((one) => one.stolenShare));
        return `${percent(Math.min(...all.map((one) => one.reuse)))}; ${percent(foreign)}; ${percent(stolen)}`;
      }),
    ],
  ];
}

/** What 10,000 routes cost over ten: both are measured in each round. */
function routesTable(result: BenchResult): Table {
  const times = (id: string, peer: string): number[] => {
    const cell = result.cells.find((each) => each.id === id);
    return cell === undefined ? [] : cpuOf(cell, peer);
  };
  const ratio = (few: string, many: string, peer: string): string => {
    const base = times(few, peer);
    const ratios = times(many, peer).map((value, round) => value / (base[round] ?? Number.NaN));
    if (ratios.length === 0 || ratios.some(Number.isNaN)) return NONE;
    return withSpread(spread(ratios), (value) => value.toFixed(2));
  };
  return {
    head: ["", ...result.peers.map(({ label }) => label)],
    rows: BY_ROUTES.map(([name, few, many]) => [
      name,
      ...result.peers.map((peer) => ratio(few, many, peer.name)),
    ]).filter((row) => row.slice(1).some((text) => text !== NONE)),
  };
}

function footprintTable(result: BenchResult): Table {
  const mebibytes = (value: number): string => significant(value / 2 ** 20);
  const rows: readonly (readonly [
    string,
    (one: FootprintResult) => readonly number[],
    (value: number) => string,
  ])[] = [
    ["cold start to the first answer, ms", (one) => one.coldStartMs, significant],
    ["idle worker, MiB", (one) => one.workerRssBytes, mebibytes],
    ["idle, all processes, MiB", (one) => one.rssBytes, mebibytes],
    [
      "idle connection, plain, bytes",
      (one) => one.idlePlain.map((idle) => idle.bytesPerConnection),
      significant,
    ],
    ["all processes with them, MiB", (one) => one.idlePlain.map((idle) => idle.rssBytes), mebibytes],
    ["idle connection, TLS, bytes", (one) => one.idleTls.map((idle) => idle.bytesPerConnection), significant],
    ["all processes with them, MiB", (one) => one.idleTls.map((idle) => idle.rssBytes), mebibytes],
  ];
  const peers = result.peers.filter(({ name }) => result.footprints[name] !== undefined);
  return {
    head: ["", ...peers.map(({ label }) => label)],
    rows: rows
      .map(([title, values, format]) => [
        title,
        ...peers.map(({ name }) => withSpread(spread(values(result.footprints[name]!)), format)),
      ])
      .filter((row) => row.slice(1).some((text) => text !== NONE)),
  };
}

function verdictText(result: BenchResult): string {
  const { cells, clearlyLess, atMostEqual, clearlyMore } = verdict(result);
  if (cells === 0) return "No cell with both Fairlead and nginx or HAProxy was measured.";
  return (
    `Of ${cells} cells, Fairlead needs at most 0.95 × the best of nginx and HAProxy in ${clearlyLess}, ` +
    `at most 1.0 in ${atMostEqual}, and more than 1.1 in ${clearlyMore}.`
  );
}

function conditions(result: BenchResult): string {
  const { cpu, cores, kernel, memory } = result.machine;
  const versions = result.peers.map(({ label, version }) => `${label} ${version}`).join(", ");
  return (
    `${cpu}, ${cores} cores, ${memory}, ${kernel}; ${result.date.slice(0, 10)}. ${versions}; load by ${result.load}. ` +
    `${result.rounds} ${result.rounds === 1 ? "round" : "rounds"} of ${result.seconds} s per cell and peer.`
  );
}

function problemsOf(result: BenchResult): string[] {
  return [
    ...result.missing.map(({ name, reason }) => `${name} was not measured: ${reason}`),
    ...result.peers.flatMap(({ label, problems }) => problems.map((text) => `${label}: ${text}`)),
    ...result.cells.flatMap(({ title, problems }) => problems.map((text) => `${title}: ${text}`)),
    ...result.problems,
  ];
}

/** True when everything that was asked for was measured and every check held. */
export function isClean(result: BenchResult): boolean {
  return problemsOf(result).length === 0;
}

/** All tables and problems for the terminal. */
export function textReport(result: BenchResult): string {
  const parts = [conditions(result)];
  if (result.cells.length > 0) {
    for (const [title, table] of loadTables(result))
      if (table.rows.length > 0) parts.push(`${title}\n${plainTable(table)}`);
    parts.push(verdictText(result));
  }
  const footprint = footprintTable(result);
  if (footprint.rows.length > 0)
    parts.push(`Without load: median (lowest to highest)\n${plainTable(footprint)}`);
  const problems = problemsOf(result);
  parts.push(
    problems.length === 0
      ? "All checks held."
      : `Problems:\n${problems.map((text) => `- ${text}`).join("\n")}`,
  );
  return parts.join("\n\n");
}

/** The same for the reference page, with one request and answer per peer. */
export function markdownReport(result: BenchResult): string {
  const parts = [conditions(result)];
  if (result.cells.length > 0) {
    parts.push(verdictText(result));
    for (const [title, table] of loadTables(result))
      if (table.rows.length > 0) parts.push(`### ${title}`, markdownTable(table));
  }
  const footprint = footprintTable(result);
  if (footprint.rows.length > 0)
    parts.push("### Without load: median (lowest to highest)", markdownTable(footprint));
  parts.push("### Checks");
  const problems = problemsOf(result);
  parts.push(
    problems.length === 0
      ? "Every check held: statuses, bodies byte for byte, reuse, log lines, resumption, fields."
      : problems
          .map((text) => `- ${text.replaceAll(/\/\S*fairlead-bench-\w+/g, "…").replaceAll("\n", " ")}`)
          .join("\n"),
    "### One request and its answer",
  );
  for (const { label, inspection } of result.peers) {
    if (inspection === null) continue;
    const block = (text: string): string => `\`\`\`text\n${text.replaceAll("\r\n", "\n").trimEnd()}\n\`\`\``;
    parts.push(
      `#### ${label}`,
      `TLS: ${inspection.tls}. The client sends, the backend receives, the client gets, the access log says:`,
      ...[inspection.request, inspection.received, inspection.answer, inspection.accessLogLine].map(block),
    );
  }
  return parts.join("\n\n");
}
