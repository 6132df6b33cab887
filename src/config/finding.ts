/** A problem before it has a place: it knows the path in the joined value, and the layers say where that stands. */
import { positionIn, type Layer } from "./layer.ts";
import type { Merged, Origin } from "./merge.ts";
import { pathText, type Path, type Problem } from "./problem.ts";

export interface Finding {
  readonly path: Path;
  /** Whether the key or the value is at fault. */
  readonly what: "key" | "value";
  readonly message: string;
  readonly suggestion?: string | null;
  /** Where in the text at `path` the problem is, from 1. */
  readonly column?: number;
  /** Another place that takes part: when it stands in another file, no single file is to blame. */
  readonly other?: Path;
  readonly severity?: "error" | "warning";
}

export interface PlacedFinding {
  readonly problem: Problem;
  readonly severity: "error" | "warning";
  readonly layer: Layer | null;
  /** True when several files are needed to make the problem. */
  readonly conflict: boolean;
}

/** Gives a finding its place. `fallback` names the source of what no layer holds. */
export function placeFinding(finding: Finding, merged: Merged, fallback: string): PlacedFinding {
  const origin = merged.originOf(finding.path);
  const other = finding.other === undefined ? null : merged.originOf(finding.other);
  const position =
    origin === null
      ? { line: 0, column: 0 }
      : finding.column !== undefined && origin.layer.text !== null
        ? origin.layer.text.locateInText(origin.at, finding.column)
        : positionIn(origin.layer, origin.at, finding.what);
  return {
    problem: {
      source: origin?.layer.source ?? fallback,
      ...position,
      // In a file the path as it stands there: lists of several files are joined.
      path: pathText(origin?.layer.kind === "file" ? origin.at : finding.path),
      message: other === null ? finding.message : `${finding.message} (${placeText(other)})`,
      suggestion: finding.suggestion ?? null,
    },
    severity: finding.severity ?? "error",
    layer: origin?.layer ?? null,
    conflict: other !== null && other.layer !== origin?.layer,
  };
}

/** `file:line` of an origin. */
function placeText(origin: Origin): string {
  const { line } = positionIn(origin.layer, origin.at, "key");
  return line > 0 ? `${origin.layer.source}:${line}` : origin.layer.source;
}
