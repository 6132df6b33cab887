/**
 * What a route may refuse in the path of a request target: characters that were percent-encoded so that a backend may
 * read them otherwise than the rules did, and segments that a backend may resolve.
 */
export const ENCODED_CHARACTERS = [
  "slash",
  "backslash",
  "null",
  "semicolon",
  "percent",
  "question_mark",
  "hash",
  "dot_segments",
  "double_slash",
] as const;

export type EncodedCharacter = (typeof ENCODED_CHARACTERS)[number];
