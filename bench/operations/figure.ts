/** What a run of the bench of operations finds: the content of its JSON. */
import type { Machine } from "../http/machine.ts";

export const AREAS = ["reload", "memory", "succession", "probes", "metrics"] as const;
export type Area = (typeof AREAS)[number];

/** One row of a table. */
export interface Figure {
  readonly area: Area;
  readonly title: string;
  /** The most that it may be, or null where nothing was promised. */
  readonly goal: number | null;
  /** True where it is at least the goal that is wanted. */
  readonly atLeast?: boolean;
  readonly unit: "s" | "ms" | "x" | "%" | "MiB" | "count";
  /** Values of the rounds, by the name of the program. */
  readonly values: Record<string, number[]>;
}

export interface OperationsResult {
  readonly date: string;
  readonly machine: Machine;
  readonly workers: number;
  readonly rounds: number;
  readonly reloads: number;
  readonly programs: readonly { readonly name: string; readonly label: string; readonly version: string }[];
  readonly missing: readonly { readonly name: string; readonly reason: string }[];
  /** Most of the machine's CPU time that programs of others used before an area began, as a share. */
  readonly foreignShare: number;
  readonly figures: Figure[];
  readonly problems: string[];
}

/** Figures as they come in. */
export class Figures {
  readonly all: Figure[] = [];

  /** Adds the value of a round to the row with this title. */
  add(row: Omit<Figure, "values">, program: string, value: number): void {
    let figure = this.all.find(({ area, title }) => area === row.area && title === row.title);
    if (figure === undefined) this.all.push((figure = { ...row, values: {} }));
    (figure.values[program] ??= []).push(value);
  }
}
