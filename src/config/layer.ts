/** One source of values: a file, an environment variable or a flag. Later layers win over earlier ones. */
import type { Path } from "./problem.ts";
import type { Position, YamlText } from "./yaml_text.ts";

export interface Layer {
  readonly kind: "file" | "environment" | "flag";
  /** The file as it was named, `environment variable NAME`, or the flag. */
  readonly source: string;
  /** Folder against which relative file names in this layer are resolved. */
  readonly folder: string;
  /** True for files of `conf.d/`: a bad one keeps its last good content. */
  readonly replaceable: boolean;
  readonly value: unknown;
  /** The text with positions, null where the source has no lines. */
  readonly text: YamlText | null;
}

/** Line and column of the key or value at `path` of the layer; zeros without lines. */
export function positionIn(layer: Layer, path: Path, what: "key" | "value"): Position {
  return layer.text === null ? { line: 0, column: 0 } : layer.text.locate(path, what);
}
