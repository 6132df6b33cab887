/** Who set what: every value of the configuration with its source, for `fairlead check --origin`. */
import type { z } from "zod";
import { formatDuration } from "../core/schema/duration.ts";
import { formatSize } from "../core/schema/size.ts";
import { positionIn } from "./layer.ts";
import type { Merged } from "./merge.ts";
import { isMap } from "./plain_value.ts";
import { pathText, type Path } from "./problem.ts";
import { REDACTED, redact, withoutUserinfo } from "./redact.ts";
import { schemasAt, withoutSecrets } from "./schema_walk.ts";

export interface OriginRow {
  readonly path: string;
  /** As it was written, without what is or may be a secret; for defaults the value that counts. */
  readonly value: unknown;
  /** `file:line`, `environment variable NAME`, the flag, or `default`. */
  readonly source: string;
}

export class Origins {
  readonly #schema: z.ZodType;
  readonly #merged: Merged;
  readonly #effective: unknown;

  /** `effective` is the configuration with defaults, or undefined where there is none. */
  constructor(schema: z.ZodType, merged: Merged, effective: unknown) {
    this.#schema = schema;
    this.#merged = merged;
    this.#effective = effective;
  }

  /** The source of the value at `path`, or null where the configuration does not set it. */
  of(path: Path): string | null {
    const origin = this.#merged.originOf(path);
    if (origin === null) return null;
    const { line } = positionIn(origin.layer, origin.at, "value");
    return line > 0 ? `${origin.layer.source}:${line}` : origin.layer.source;
  }

  /** All values, in the order of the configuration; what is set first, then defaults. */
  rows(): OriginRow[] {
    const written = withoutSecrets(this.#schema, this.#merged.value, REDACTED);
    const rows: OriginRow[] = [];
    for (const [path, value] of leavesOf(written, []))
      rows.push({ path: pathText(path), value: withoutUserinfo(value), source: this.of(path) ?? "default" });
    for (const [path, value] of missingFrom(written, redact(this.#schema, this.#effective), []))
      rows.push({ path: pathText(path), value: this.#asWritten(path, value), source: "default" });
    return rows;
  }

  /** Milliseconds and bytes as users write them. */
  #asWritten(path: Path, value: unknown): unknown {
    if (typeof value !== "number") return value;
    const kinds = schemasAt(this.#schema, path, undefined).map(({ meta }) => meta.type_name);
    if (kinds.includes("duration")) return formatDuration(value);
    return kinds.includes("size") ? formatSize(value) : value;
  }
}

function* leavesOf(value: unknown, path: Path): Generator<[Path, unknown]> {
  const entries = entriesOf(value);
  if (entries.length === 0) {
    if (path.length > 0) yield [path, value];
    return;
  }
  for (const [key, inner] of entries) yield* leavesOf(inner, [...path, key]);
}

function entriesOf(value: unknown): readonly (readonly [string | number, unknown])[] {
  if (Array.isArray(value)) return value.map((item: unknown, index) => [index, item] as const);
  return isMap(value) ? Object.entries(value) : [];
}

/** Leaves of `effective` whose key `written` does not have. */
function* missingFrom(written: unknown, effective: unknown, path: Path): Generator<[Path, unknown]> {
  if (Array.isArray(effective) && Array.isArray(written)) {
    for (const [index, item] of written.entries())
      yield* missingFrom(item, effective[index], [...path, index]);
  } else if (isMap(effective) && (isMap(written) || written === undefined)) {
    for (const [key, inner] of Object.entries(effective)) {
      if (inner === undefined) continue;
      const given = isMap(written) && Object.hasOwn(written, key) ? written[key] : undefined;
      if (given === undefined && !isMap(inner)) yield [[...path, key], inner];
      else if (given === undefined || isMap(given) || Array.isArray(given))
        yield* missingFrom(given, inner, [...path, key]);
    }
  }
}
