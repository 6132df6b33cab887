/** Ratios and verdicts from the measurements of a run. */
import { median, ratios, spread, type Spread } from "../support/statistics.ts";
import { MEASURE_PEERS } from "./peers/all.ts";
import type { BenchResult, CellResult, Measurement } from "./result.ts";

const CLEARLY_LESS = 0.95;
const CLEARLY_MORE = 1.1;
/** Peers that are not the measure, and that have a column of their own for the ratio to them. */
export const OTHER_PEERS: readonly string[] = ["caddy", "envoy"];

export const cpuUs = (one: Measurement): number => one.userUs + one.systemUs;

/** CPU time per request of a peer in each round; empty when it was not measured in this cell. */
export function cpuOf(cell: CellResult, peer: string): number[] {
  return (cell.measurements[peer] ?? []).map(cpuUs);
}

/** The peer with the lowest median of CPU time among those that are the measure, or null when none was measured. */
export function bestMeasure(cell: CellResult): string | null {
  const measured = MEASURE_PEERS.filter((peer) => cpuOf(cell, peer).length > 0);
  return measured.toSorted((one, other) => median(cpuOf(cell, one)) - median(cpuOf(cell, other)))[0] ?? null;
}

/** CPU time of Fairlead over that of a peer, round by round; null when one of them was not measured. */
export function ratioTo(cell: CellResult, peer: string | null): Spread | null {
  const own = cpuOf(cell, "fairlead");
  const base = peer === null ? [] : cpuOf(cell, peer);
  return own.length === 0 || base.length === 0 ? null : spread(ratios(own, base));
}

export interface Verdict {
  readonly cells: number;
  /** Cells with a ratio of at most 0.95, at most 1, and above 1.1. */
  readonly clearlyLess: number;
  readonly atMostEqual: number;
  readonly clearlyMore: number;
}

/** How many cells lie where, of those in which both sides were measured. */
export function verdict(result: BenchResult): Verdict {
  const values = result.cells
    .map((cell) => ratioTo(cell, bestMeasure(cell))?.median)
    .filter((value) => value !== undefined);
  const within = (limit: number): number => values.filter((value) => value <= limit).length;
  return {
    cells: values.length,
    clearlyLess: within(CLEARLY_LESS),
    atMostEqual: within(1),
    clearlyMore: values.length - within(CLEARLY_MORE),
  };
}
