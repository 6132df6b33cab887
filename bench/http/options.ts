/** The command line of `bun run bench http`. */
import { parseArgs } from "node:util";
import { CELLS, FOOTPRINTS, type Cell, type Footprint } from "./cells.ts";
import type { Peer } from "./peer.ts";
import { ALL_PEERS } from "./peers/all.ts";

export const HELP = `usage: bun run bench http [--cells LIST] [--peers LIST] [--rounds N] [--seconds N] [--json FILE] [--write-docs]
       bun run bench http --from FILE [--write-docs]

Fairlead beside nginx, HAProxy, Caddy and Envoy: CPU time per request, memory, start. Needs two cores that do nothing else.

  --cells LIST      of the cells below, by id or by its beginning followed by *; all unless given
  --peers LIST      of ${ALL_PEERS.map(({ name }) => name).join(", ")}; all unless given (base only with BASE=)
  --rounds N        rounds, in each of which every peer is measured once per cell (5; with idle connections 3 at most)
  --seconds N       length of a measured stretch (3)
  --warm-up N       seconds of CPU time that a new process works before its first stretch (3)
  --json FILE       where the result is written (test-results/bench-http.json)
  --from FILE       show that result instead of measuring
  --write-docs      put the tables into docs/reference/performance.md
  --profile         after each cell, count system calls and sample the CPU of each peer (strace, perf)
  --keep            leave the temporary directory, with configurations and logs
  --help            print this

NGINX=, HAPROXY=, CADDY=, ENVOY= name other binaries; FAIRLEAD= and BASE= other checkouts, which are built.

cells: ${CELLS.map(({ id }) => id).join(" ")}
       ${FOOTPRINTS.join(" ")}
`;

export interface Options {
  readonly cells: readonly Cell[];
  readonly footprints: readonly Footprint[];
  readonly peers: readonly Peer[];
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpMs: number;
  readonly json: string;
  readonly from: string | null;
  readonly writeDocs: boolean;
  readonly profile: boolean;
  readonly keep: boolean;
}

/** Entries of `known` that a list names, in the order of `known`. Throws Error for a name that is not known. */
export function choose(list: string | undefined, known: readonly string[], what: string): string[] {
  if (list === undefined) return [...known];
  const patterns = list.split(",").map((text) => text.trim());
  const matches = (pattern: string, name: string): boolean =>
    pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
  for (const pattern of patterns) {
    if (!known.some((name) => matches(pattern, name)))
      throw new Error(`no ${what} "${pattern}"; there are ${known.join(", ")}`);
  }
  return known.filter((name) => patterns.some((pattern) => matches(pattern, name)));
}

function positive(text: string, name: string): number {
  const value = Number(text);
  if (!(value > 0) || value > 3_600) throw new Error(`--${name} ${text}: expected a number above 0`);
  return value;
}

/** Reads the arguments. Returns null for --help. Throws Error in words for the user. */
export function readOptions(args: readonly string[]): Options | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      cells: { type: "string" },
      peers: { type: "string" },
      rounds: { type: "string", default: "5" },
      seconds: { type: "string", default: "3" },
      "warm-up": { type: "string", default: "3" },
      json: { type: "string", default: "test-results/bench-http.json" },
      from: { type: "string" },
      "write-docs": { type: "boolean", default: false },
      profile: { type: "boolean", default: false },
      keep: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return null;
  const ids = choose(values.cells, [...CELLS.map(({ id }) => id), ...FOOTPRINTS], "cell");
  const peers = choose(
    values.peers,
    ALL_PEERS.map(({ name }) => name),
    "peer",
  );
  const wantsBase = values.peers !== undefined || process.env["BASE"] !== undefined;
  return {
    cells: CELLS.filter(({ id }) => ids.includes(id)),
    footprints: FOOTPRINTS.filter((id) => ids.includes(id)),
    peers: ALL_PEERS.filter(({ name }) => peers.includes(name) && (name !== "base" || wantsBase)),
    rounds: Math.ceil(positive(values.rounds, "rounds")),
    seconds: positive(values.seconds, "seconds"),
    warmUpMs: positive(values["warm-up"], "warm-up") * 1_000,
    json: values.json,
    from: values.from ?? null,
    writeDocs: values["write-docs"],
    profile: values.profile,
    keep: values.keep,
  };
}
