/** What the rest of the program hands to the configuration: `composition.ts` fills it from the `all.ts` lists. */
import type { z } from "zod";
import type { HashKey } from "../core/schema/hash_key.ts";
import type { CertificateReader } from "../platform/certificate_reader.ts";

/** A part that has options of its own: a strategy, a probe or a middleware. */
export interface ConfigPart {
  /** The word in the configuration. */
  readonly name: string;
  /** A strict object; its output goes into the plan, so it must be plain JSON. */
  readonly schema: z.ZodType;
  /** One sentence for the reference page. */
  readonly summary: string;
}

export interface StrategyPart extends ConfigPart {
  /** What its pickers can do; left out = everything. */
  readonly can?: readonly string[];
  /** True when the strategy hashes something of the request: what the pool's `hash_on` says. */
  readonly keyed?: boolean;
  /** What it hashes whatever `hash_on` says, which is then refused. */
  readonly fixed_key?: HashKey;
}

/** What a part found in a file that one of its options names. */
export interface FileFinding {
  /** The option that names the file. */
  readonly option: string;
  readonly severity: "error" | "warning";
  readonly message: string;
}

export interface MiddlewarePart extends ConfigPart {
  /**
   * Looks into the files that `options` name, which may be malformed in any way. `textOf` knows files by absolute name;
   * null = it cannot be read, which has been told.
   */
  readonly checkFiles?: (options: unknown, textOf: (file: string) => string | null) => readonly FileFinding[];
}

/** True when a pool with this strategy may say `hash_on`. */
export function takesHashKey(part: StrategyPart): boolean {
  return part.keyed === true && part.fixed_key === undefined;
}

export interface ConfigParts {
  readonly strategies: readonly StrategyPart[];
  readonly probes: readonly ConfigPart[];
  readonly middlewares: readonly MiddlewarePart[];
  /** Kinds of stores; the first one is the default. */
  readonly stores?: readonly ConfigPart[];
  /** Checks the text of a route's rule; `column` counts characters from 1. */
  checkRule(text: string): null | { readonly column: number; readonly message: string };
  /** Something to say about all rules together, such as many regexes; called with correct rules only. */
  rulesWarning?(rules: readonly string[]): string | null;
  /** Looks into certificates and keys; without it only the files are looked for. */
  readonly certificates?: CertificateReader;
  /** Looks up users and groups by name or number; throws Error in words. Without it nobody is looked for. */
  readonly accounts?: { user(name: string): unknown; group(name: string): unknown };
}
