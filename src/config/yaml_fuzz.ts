/** What a fuzzer asks of the two YAML readers. */
import { isDeepStrictEqual } from "node:util";
import { readPlainYaml } from "./plain_yaml.ts";
import { readPositionalYaml } from "./positional_yaml.ts";
import type { Path } from "./problem.ts";
import { readYaml } from "./yaml_text.ts";

/**
 * Takes any bytes. Throws when a reader throws, when the fast reader is sure of a value that the thorough one does not
 * give, or when the two place a key or a value differently. Returns whether the fast reader was sure.
 */
export function fuzzYaml(bytes: Uint8Array): boolean {
  const text = new TextDecoder().decode(bytes);
  const plain = readPlainYaml(text, true);
  const read = readYaml(text);
  read.locate(["a", 0, "b"], "key");
  if (plain === null) return false;
  const positional = readPositionalYaml(text);
  if (positional.problems.length > 0)
    throw new Error(`accepted what is an error: ${positional.problems[0]!.message}\n${JSON.stringify(text)}`);
  if (!isDeepStrictEqual(plain.value, positional.value))
    throw new Error(
      `${JSON.stringify(plain.value)} instead of ${JSON.stringify(positional.value)}\n${JSON.stringify(text)}`,
    );
  for (const path of pathsOf(plain.value, [])) {
    for (const what of ["key", "value"] as const) {
      const fast = read.locate(path, what);
      const offset = positional.offsetOf(path, what);
      const before = text.slice(0, offset);
      const thorough = {
        line: before.split("\n").length,
        column: offset - (before.lastIndexOf("\n") + 1) + 1,
      };
      if (offset >= 0 && !isDeepStrictEqual(fast, thorough) && !isEmptyValue(plain.value, path))
        throw new Error(
          `${what} of ${path.join(".")} at ${JSON.stringify(fast)} instead of ${JSON.stringify(thorough)}\n${JSON.stringify(text)}`,
        );
    }
  }
  return true;
}

/** Where nothing stands, the readers may point to different spaces. */
function isEmptyValue(root: unknown, path: Path): boolean {
  let value = root;
  for (const step of path) value = (value as Record<string | number, unknown>)[step];
  return value === null;
}

/** Some paths of a value: enough to compare positions, bounded. */
function* pathsOf(value: unknown, path: Path): Generator<Path> {
  if (path.length > 5 || typeof value !== "object" || value === null) return;
  const entries: [string | number, unknown][] = Array.isArray(value)
    ? value.slice(0, 20).map((item: unknown, index) => [index, item])
    : Object.entries(value).slice(0, 20);
  for (const [key, inner] of entries) {
    yield [...path, key];
    yield* pathsOf(inner, [...path, key]);
  }
}
