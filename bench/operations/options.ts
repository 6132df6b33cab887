/** The command line of `bun run bench operations`. */
import { parseArgs } from "node:util";
import { choose } from "../http/options.ts";
import { AREAS, type Area } from "./figure.ts";
import { SUBJECTS } from "./subjects/all.ts";
import type { Subject } from "./subject.ts";

export const HELP = `usage: bun run bench operations [--areas LIST] [--programs LIST] [--rounds N] [--json FILE] [--write-docs]
       bun run bench operations --from FILE [--write-docs]

What it costs to run Fairlead: reloads, memory after many of them, hand-over, probes, the metrics page; reloads of nginx and
HAProxy beside it. Takes about five minutes, and a machine that does nothing else.

  --areas LIST      of ${AREAS.join(", ")}; all unless given
  --programs LIST   of ${SUBJECTS.map(({ peer }) => peer.name).join(", ")}; all unless given
  --workers N       worker processes of each program (4)
  --rounds N        rounds of everything that is repeated (3)
  --reloads N       reloads per round (5), and 20 times as many for the memory
  --json FILE       where the result is written (test-results/bench-operations.json)
  --from FILE       show that result instead of measuring
  --write-docs      put the tables into docs/reference/performance.md
  --keep            leave the temporary directory, with configurations and logs
  --help            print this

NGINX=, HAPROXY= name other binaries; FAIRLEAD= another checkout, which is built.
`;

export interface Options {
  readonly areas: readonly Area[];
  readonly subjects: readonly Subject[];
  readonly workers: number;
  readonly rounds: number;
  readonly reloads: number;
  readonly json: string;
  readonly from: string | null;
  readonly writeDocs: boolean;
  readonly keep: boolean;
}

function count(text: string, name: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 1_000)
    throw new Error(`--${name} ${text}: expected a whole number from 1 to 1000`);
  return value;
}

/** Reads the arguments. Returns null for --help. Throws Error in words for the user. */
export function readOptions(args: readonly string[]): Options | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      areas: { type: "string" },
      programs: { type: "string" },
      workers: { type: "string", default: "4" },
      rounds: { type: "string", default: "3" },
      reloads: { type: "string", default: "5" },
      json: { type: "string", default: "test-results/bench-operations.json" },
      from: { type: "string" },
      "write-docs": { type: "boolean", default: false },
      keep: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return null;
  const areas = choose(values.areas, AREAS, "area");
  const known = SUBJECTS.map(({ peer }) => peer.name);
  const programs = choose(values.programs, known, "program");
  return {
    areas: AREAS.filter((area) => areas.includes(area)),
    subjects: SUBJECTS.filter(({ peer }) => programs.includes(peer.name)),
    workers: count(values.workers, "workers"),
    rounds: count(values.rounds, "rounds"),
    reloads: count(values.reloads, "reloads"),
    json: values.json,
    from: values.from ?? null,
    writeDocs: values["write-docs"],
    keep: values.keep,
  };
}
