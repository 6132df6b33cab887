/** Which operations stand at a path. */
import type { Operation } from "./operation.ts";

export interface PathMatch {
  readonly operation: Operation;
  /** Decoded. */
  readonly parameters: Readonly<Record<string, string>>;
}

interface Template {
  readonly operation: Operation;
  readonly segments: readonly string[];
}

export class Paths {
  readonly #templates: readonly Template[];

  constructor(operations: readonly Operation[]) {
    this.#templates = operations.flatMap((operation) =>
      operation.paths.map((path) => ({ operation, segments: path.split("/") })),
    );
  }

  /**
   * What stands at `path` as it came: fixed segments count letter by letter, each of the others stands for one segment and
   * is decoded, so that `%2F` is part of a name. A segment that is no UTF-8 stands for nothing.
   */
  at(path: string): PathMatch[] {
    const given = path.split("/");
    return this.#templates.flatMap(({ operation, segments }) => {
      const parameters = parametersOf(segments, given);
      return parameters === null ? [] : [{ operation, parameters }];
    });
  }
}

function parametersOf(
  segments: readonly string[],
  given: readonly string[],
): Readonly<Record<string, string>> | null {
  if (segments.length !== given.length) return null;
  const parameters: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    const text = given[index]!;
    if (!segment.startsWith("{")) {
      if (segment !== text) return null;
      continue;
    }
    const decoded = decodedSegment(text);
    if (decoded === null || decoded === "") return null;
    parameters[segment.slice(1, -1)] = decoded;
  }
  return parameters;
}

function decodedSegment(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
