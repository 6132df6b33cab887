/** What a route may refuse in raw paths: each name of the configuration and what it means. */
import type { EncodedCharacter } from "../../core/schema/encoded_characters.ts";

const DENIALS: Readonly<Record<EncodedCharacter, RegExp>> = {
  slash: /%2f/i,
  backslash: /%5c/i,
  null: /%00/,
  semicolon: /%3b/i,
  percent: /%25/,
  question_mark: /%3f/i,
  hash: /%23/,
  dot_segments: /\/(?:\.|%2e){1,2}(?=\/|$)/i,
  double_slash: /\/\//,
};

/** True when the raw path (without query) holds one of `denied`. All patterns are linear: no repetition is open. */
export function isDeniedPath(path: string, denied: readonly RegExp[]): boolean {
  for (let index = 0; index < denied.length; index++) if (denied[index]!.test(path)) return true;
  return false;
}

/** The patterns of the names that a route gives. */
export function deniedPatterns(names: readonly string[]): RegExp[] {
  return names.map((name) => DENIALS[name as EncodedCharacter]);
}
