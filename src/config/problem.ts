/** What is wrong with a configuration, and where. */

/** Steps from the root to a value: keys of maps and indexes of lists. */
export type Path = readonly (string | number)[];

export interface Problem {
  /** The file, the environment variable or the flag that holds it. */
  readonly source: string;
  /** From 1; 0 where the source has no lines. */
  readonly line: number;
  readonly column: number;
  /** `pools.web.backends[0].url`; "" for the whole. */
  readonly path: string;
  /** What is wrong and what was expected; never holds a secret. */
  readonly message: string;
  /** A guess at what was meant, or null. */
  readonly suggestion: string | null;
}

/** A path as users read it: `pools.web.backends[0].url`. Keys that are not plain words are quoted. */
export function pathText(path: Path): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else {
      const word = /^[\w-]+$/.test(step) ? step : JSON.stringify(step);
      text += text === "" ? word : `.${word}`;
    }
  }
  return text;
}

/** One line: `fairlead.yaml:3:5: pools.web.stratgy: unknown key; did you mean "strategy"?` */
export function problemText(problem: Problem): string {
  const place = problem.line > 0 ? `${problem.source}:${problem.line}:${problem.column}` : problem.source;
  // A flag is named with its path already.
  const isNamed = problem.path === "" || place.endsWith(` ${problem.path}`);
  const path = isNamed ? "" : `${problem.path}: `;
  const guess = problem.suggestion === null ? "" : `; did you mean ${JSON.stringify(problem.suggestion)}?`;
  return `${place}: ${path}${problem.message}${guess}`;
}

/** Orders by source, line and column, and leaves out exact repetitions. */
export function sortProblems(problems: readonly Problem[]): Problem[] {
  const unique = new Map(problems.map((problem) => [problemText(problem), problem]));
  return [...unique.values()].toSorted(
    (a, b) =>
      compareText(a.source, b.source) ||
      a.line - b.line ||
      a.column - b.column ||
      compareText(a.message, b.message),
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
