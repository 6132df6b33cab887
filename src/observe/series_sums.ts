/**
 * Sums of series over regions whose layouts differ: workers, generations, versions. Series are told apart by the text
 * of their labels, in two steps: the part of the configuration they belong to (a route, a backend), then the rest.
 */
import type { MetricType } from "./catalogue.ts";
import type { AxisValues, MetricBlock, MetricLayout } from "./metric_layout.ts";
import type { SumsDocument } from "./sums_document.ts";

/** Label value of series whose own part of the configuration has been gone for long. */
export const REMOVED = "(removed)";

/** A histogram's cells: sum in milliseconds, a count per bound (not cumulated), the count above the last bound. */
export interface HistogramSum {
  readonly bounds: readonly number[];
  readonly cells: Float64Array;
}

/** Series of one part of the configuration by the text of the other labels. */
type Rows<Value> = Map<string, Value>;

export interface Family {
  readonly type: MetricType;
  /** By the label text of the first axis, such as `route="api"`; oldest first. */
  readonly numbers: Map<string, Rows<number>>;
  readonly histograms: Map<string, Rows<HistogramSum>>;
}

const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", '"': '\\"', "\n": "\\n" };

/** Text of labels as the exposition format writes them: backslash, quote and line feed are escaped. */
export function labelText(labels: readonly string[], values: readonly string[]): string {
  return labels
    .map(
      (label, index) => `${label}="${(values[index] ?? "").replace(/[\\"\n]/g, (found) => ESCAPES[found]!)}"`,
    )
    .join(",");
}

const textsByAxis = new WeakMap<AxisValues, readonly string[]>();

function textsOf(axis: AxisValues): readonly string[] {
  let texts = textsByAxis.get(axis);
  if (texts === undefined) {
    texts = axis.values.map((values) => labelText(axis.labels, values));
    textsByAxis.set(axis, texts);
  }
  return texts;
}

/** Label texts of the axes behind the first, in the order of their slots. */
function restTexts(block: MetricBlock, layout: MetricLayout): readonly string[] {
  let texts: readonly string[] = [""];
  for (const axis of block.axes.slice(1)) {
    const next = textsOf(layout.axes[axis]!);
    texts = texts.flatMap((text) => next.map((other) => (text === "" ? other : `${text},${other}`)));
  }
  return texts;
}

/** The value under `key`, made at first. */
function entry<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}

export class SeriesSums {
  readonly families = new Map<string, Family>();

  /**
   * Adds what a region holds: of a `live` one the gauges too, and series at 0 where the metric shows all rows; of one
   * that was left only what never falls.
   */
  addRegion(layout: MetricLayout, region: Float64Array, live: boolean): void {
    for (const block of layout.blocks) {
      if (block.type === "gauge" && !live) continue;
      const parts = block.axes.length === 0 ? [""] : textsOf(layout.axes[block.axes[0]!]!);
      const rests = restTexts(block, layout);
      const zeros = live && block.rows === "all";
      for (const [index, part] of parts.entries()) {
        this.#addPart(block, layout, region, block.base + index * block.stride, part, rests, zeros);
      }
    }
  }

  #addPart(
    block: MetricBlock,
    layout: MetricLayout,
    region: Float64Array,
    base: number,
    part: string,
    rests: readonly string[],
    zeros: boolean,
  ): void {
    for (let index = 0; index < rests.length; index++) {
      const slot = base + index * block.width;
      if (block.type === "histogram") {
        const cells = region.subarray(slot, slot + block.width);
        // Bucket counts decide, not the sum: many observations of 0 ms have the sum 0.
        if (!zeros && !hasCounts(cells)) continue;
        this.addHistogram(block.name, part, rests[index]!, layout.bounds_seconds, cells);
      } else if (zeros || region[slot] !== 0) {
        this.addNumber(block.name, block.type, part, rests[index]!, region[slot]!);
      }
    }
  }

  addNumber(name: string, type: MetricType, part: string, rest: string, value: number): void {
    const rows = entry(this.#family(name, type).numbers, part, () => new Map<string, number>());
    rows.set(rest, (rows.get(rest) ?? 0) + value);
  }

  addHistogram(
    name: string,
    part: string,
    rest: string,
    bounds: readonly number[],
    cells: ArrayLike<number>,
  ) {
    const rows = entry(
      this.#family(name, "histogram").histograms,
      part,
      () => new Map<string, HistogramSum>(),
    );
    const old = rows.get(rest);
    if (old !== undefined && sameNumbers(old.bounds, bounds)) {
      for (let index = 0; index < cells.length; index++) old.cells[index]! += cells[index]!;
      return;
    }
    const cellsHere = Float64Array.from(cells);
    if (old !== undefined) rebucket(old, bounds, cellsHere);
    rows.set(rest, { bounds, cells: cellsHere });
  }

  /** Adds all of `other`; bounds of histograms become those of `other`. */
  add(other: SeriesSums): void {
    for (const [name, { type, numbers, histograms }] of other.families) {
      for (const [part, rows] of numbers)
        for (const [rest, value] of rows) this.addNumber(name, type, part, rest, value);
      for (const [part, rows] of histograms) {
        for (const [rest, { bounds, cells }] of rows) this.addHistogram(name, part, rest, bounds, cells);
      }
    }
  }

  /**
   * Marks the parts of `layout` as the newest and gives the oldest ones, above `maximum` that it does not have, up:
   * their sums go on under REMOVED. So reloads with ever new names cannot fill the memory.
   */
  forgetOldest(layout: MetricLayout, maximum: number): void {
    for (const block of layout.blocks) {
      const family = this.families.get(block.name);
      const axis = layout.axes[block.axes[0] ?? ""];
      if (family === undefined || axis === undefined) continue;
      const texts = textsOf(axis);
      const labels = labelText(
        axis.labels,
        axis.labels.map(() => REMOVED),
      );
      for (const text of [...texts, labels]) {
        touch(family.numbers, text);
        touch(family.histograms, text);
      }
      this.#mergeOldest(block.name, family, texts.length + 1 + maximum, labels);
    }
  }

  #mergeOldest(name: string, family: Family, keep: number, into: string): void {
    const { numbers, histograms } = family;
    const spare = <Value>(map: Map<string, Rows<Value>>) =>
      map.size <= keep ? [] : [...map.keys()].slice(0, map.size - keep);
    for (const part of spare(numbers)) {
      for (const [rest, value] of numbers.get(part)!) this.addNumber(name, family.type, into, rest, value);
      numbers.delete(part);
    }
    for (const part of spare(histograms)) {
      for (const [rest, sum] of histograms.get(part)!)
        this.addHistogram(name, into, rest, sum.bounds, sum.cells);
      histograms.delete(part);
    }
  }

  toJSON(): SumsDocument {
    const families = [...this.families].map(([name, { type, numbers, histograms }]) => ({
      name,
      type,
      numbers: [...numbers].flatMap(([part, rows]) =>
        [...rows].map(([rest, value]): [string, string, number] => [part, rest, value]),
      ),
      histograms: [...histograms].flatMap(([part, rows]) =>
        [...rows].map(([rest, sum]): [string, string, readonly number[], number[]] => [
          part,
          rest,
          sum.bounds,
          [...sum.cells],
        ]),
      ),
    }));
    return { families };
  }

  static ofDocument(document: SumsDocument): SeriesSums {
    const sums = new SeriesSums();
    for (const { name, type, numbers, histograms } of document.families) {
      for (const [part, rest, value] of numbers) sums.addNumber(name, type, part, rest, value);
      for (const [part, rest, bounds, cells] of histograms)
        sums.addHistogram(name, part, rest, bounds, cells);
    }
    return sums;
  }

  #family(name: string, type: MetricType): Family {
    return entry(this.families, name, () => ({ type, numbers: new Map(), histograms: new Map() }));
  }
}

/** Makes `key` the newest of a map. */
function touch<Value>(map: Map<string, Value>, key: string): void {
  const value = map.get(key);
  if (value === undefined || !map.delete(key)) return;
  map.set(key, value);
}

function hasCounts(cells: Float64Array): boolean {
  for (let index = 1; index < cells.length; index++) if (cells[index] !== 0) return true;
  return false;
}

function sameNumbers(one: readonly number[], other: readonly number[]): boolean {
  return (
    one === other || (one.length === other.length && one.every((value, index) => value === other[index]))
  );
}

/** Adds a histogram to cells with other bounds: a count goes to the smallest bound that surely holds it. */
function rebucket(old: HistogramSum, bounds: readonly number[], cells: Float64Array): void {
  cells[0]! += old.cells[0]!;
  for (let index = 1; index < old.cells.length; index++) {
    const upper = old.bounds[index - 1] ?? Infinity;
    const found = bounds.findIndex((bound) => bound >= upper);
    cells[1 + (found === -1 ? bounds.length : found)]! += old.cells[index]!;
  }
}
