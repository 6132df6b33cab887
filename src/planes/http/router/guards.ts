/**
 * Takes a rule apart for the index: which hosts and which paths does it name, and what is left to ask when both have
 * been looked up? The answer is always sound: a request that a rule takes is found under one of its alternatives.
 */
import type { HostPattern, PathPattern, Test } from "../../../core/rules/matcher.ts";
import { allOf, testOf, type Compiled } from "../../../core/rules/rule.ts";

/** A rule takes a request when one of its alternatives does. */
export interface Alternative {
  /** One of these hosts, null = any or none. */
  readonly hosts: readonly HostPattern[] | null;
  readonly paths: readonly PathPattern[] | null;
  /** What host and path do not say, null = nothing. */
  readonly residual: Test | null;
}

/** Index entries that one alternative may make; where hosts times paths are more, its paths are not indexed. */
export const ENTRY_LIMIT = 1_024;

interface Guard {
  readonly hosts: readonly HostPattern[] | null;
  readonly paths: readonly PathPattern[] | null;
  /** The expression says no more than its hosts, or no more than its paths. */
  readonly suffices: boolean;
}

const NO_GUARD: Guard = { hosts: null, paths: null, suffices: false };

/** The alternatives of a compiled rule; null is the rule that takes everything. */
export function alternativesOf(compiled: Compiled | null): Alternative[] {
  if (compiled === null) return [{ hosts: null, paths: null, residual: null }];
  if (compiled.kind === "or") return compiled.operands.flatMap(alternativesOf);
  return [alternativeOf(compiled.kind === "and" ? compiled.operands : [compiled])];
}

/** All of `conjuncts` must hold: the tightest host and path guards become lookups, the rest stays as a test. */
function alternativeOf(conjuncts: readonly Compiled[]): Alternative {
  const guards = conjuncts.map(guardOf);
  const byHost = tightest(guards, "hosts");
  let byPath = tightest(guards, "paths");
  const hosts = guards[byHost]?.hosts ?? null;
  if ((hosts?.length ?? 1) * (guards[byPath]?.paths?.length ?? 1) > ENTRY_LIMIT) byPath = -1;
  const left = conjuncts.filter(
    (_, index) => !((index === byHost || index === byPath) && guards[index]!.suffices),
  );
  return {
    hosts,
    paths: guards[byPath]?.paths ?? null,
    residual: left.length === 0 ? null : allOf(left.map(testOf)),
  };
}

/** Index of the guard with the fewest patterns, one that suffices before one that does not; -1 when there is none. */
function tightest(guards: readonly Guard[], part: "hosts" | "paths"): number {
  let best = -1;
  for (const [index, guard] of guards.entries()) {
    const count = guard[part]?.length;
    if (count === undefined) continue;
    const bestCount = guards[best]?.[part]?.length ?? Number.POSITIVE_INFINITY;
    if (count < bestCount || (count === bestCount && guard.suffices && !guards[best]!.suffices)) best = index;
  }
  return best;
}

function guardOf(compiled: Compiled): Guard {
  switch (compiled.kind) {
    case "condition": {
      const { hosts = null, paths = null, sufficient = false } = compiled.condition;
      return { hosts, paths, suffices: sufficient };
    }
    case "not":
      return NO_GUARD;
    case "and": {
      const guards = compiled.operands.map(guardOf);
      const hosts = guards[tightest(guards, "hosts")]?.hosts ?? null;
      return { hosts, paths: guards[tightest(guards, "paths")]?.paths ?? null, suffices: false };
    }
    case "or": {
      const guards = compiled.operands.map(guardOf);
      const hosts = unionOf(guards.map((guard) => guard.hosts));
      const paths = unionOf(guards.map((guard) => guard.paths));
      // Hosts alone or paths alone: a mixture such as `Host || Path` has neither.
      return {
        hosts,
        paths,
        suffices: guards.every((guard) => guard.suffices) && (hosts === null) !== (paths === null),
      };
    }
  }
}

/** All patterns, or null when one list is unknown: then anything may be needed. */
function unionOf<Pattern>(lists: readonly (readonly Pattern[] | null)[]): readonly Pattern[] | null {
  const patterns: Pattern[] = [];
  for (const list of lists) {
    if (list === null) return null;
    patterns.push(...list);
  }
  return patterns;
}
