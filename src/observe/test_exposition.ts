/**
 * A strict reader of the Prometheus text format 0.0.4 for tests. It refuses what Prometheus takes with a shrug: series
 * without HELP and TYPE, repeated families or series, histograms that are not cumulative, counters without `_total`.
 */

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Exposition {
  readonly types: ReadonlyMap<string, string>;
  readonly samples: readonly Sample[];
  /** The value of one series. Throws when there is none. */
  value(name: string, labels?: Readonly<Record<string, string>>): number;
  /** Sum over the series whose labels include these. */
  sum(name: string, labels?: Readonly<Record<string, string>>): number;
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\n"])*)"/;
const NUMBER = /^(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]Inf|NaN)$/;

export function parseExposition(text: string): Exposition {
  if (!text.endsWith("\n")) throw new Error("the last line has no line feed");
  const types = new Map<string, string>();
  const helps = new Set<string>();
  const seen = new Set<string>();
  const samples: Sample[] = [];
  let current = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line);
    if (comment !== null) {
      const [, kind, name, rest] = comment as unknown as [string, string, string, string];
      if (kind === "HELP") {
        if (helps.has(name)) throw new Error(`second HELP of ${name}`);
        if (/\\(?![\\n])/.test(rest)) throw new Error(`wrong escape: ${line}`);
        helps.add(name);
      } else {
        if (types.has(name)) throw new Error(`second TYPE of ${name}`);
        if (!helps.has(name)) throw new Error(`${name} has no HELP`);
        if (!["counter", "gauge", "histogram"].includes(rest)) throw new Error(`wrong type: ${line}`);
        if ((rest === "counter") !== name.endsWith("_total"))
          throw new Error(`${name} is a ${rest} by that name`);
        types.set(name, rest);
        current = name;
      }
      continue;
    }
    const sample = parseSample(line);
    const family = types.get(current) === "histogram" ? `${current}_` : current;
    if (
      types.get(current) === "histogram"
        ? !["bucket", "sum", "count"].some((end) => sample.name === family + end)
        : sample.name !== current
    ) {
      throw new Error(`${sample.name} stands in the family ${current}`);
    }
    const id = `${sample.name} ${JSON.stringify(Object.entries(sample.labels).toSorted(([one], [other]) => (one < other ? -1 : 1)))}`;
    if (seen.has(id)) throw new Error(`second series ${id}`);
    seen.add(id);
    samples.push(sample);
  }
  for (const [name, type] of types) {
    if (type === "histogram") checkHistogram(name, samples);
    if (type === "counter" && samples.some((sample) => sample.name === name && !(sample.value >= 0))) {
      throw new Error(`${name} is negative`);
    }
  }
  return makeExposition(types, samples);
}

/** Reads one line `name{labels} value`, in the text that both formats share. */
export function parseSample(line: string): Sample {
  const name = NAME.exec(line)?.[0];
  if (name === undefined) throw new Error(`not a sample: ${JSON.stringify(line)}`);
  let rest = line.slice(name.length);
  const labels: Record<string, string> = {};
  if (rest.startsWith("{")) {
    rest = rest.slice(1);
    for (;;) {
      const found = LABEL.exec(rest);
      if (found === null) throw new Error(`not a label: ${JSON.stringify(rest)}`);
      const [whole, label, value] = found as unknown as [string, string, string];
      if (label in labels) throw new Error(`second label ${label}: ${line}`);
      labels[label] = value.replace(/\\(.)/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped));
      rest = rest.slice(whole.length);
      if (rest.startsWith(",")) rest = rest.slice(1);
      else break;
    }
    if (!rest.startsWith("}")) throw new Error(`no closing brace: ${line}`);
    rest = rest.slice(1);
  }
  const number = rest.slice(1);
  if (!rest.startsWith(" ") || !NUMBER.test(number)) throw new Error(`not a value: ${JSON.stringify(line)}`);
  return { name, labels, value: Number(number.replace("Inf", "Infinity")) };
}

/** Buckets of each series rise in bound and count, end at +Inf, and the last one equals the count. */
export function checkHistogram(name: string, samples: readonly Sample[]): void {
  const without = ({ labels }: Sample): string => JSON.stringify({ ...labels, le: undefined });
  const partOf = (end: string): Map<string, Sample[]> =>
    Map.groupBy(
      samples.filter((one) => one.name === `${name}_${end}`),
      without,
    );
  const [buckets, counts, sums] = [partOf("bucket"), partOf("count"), partOf("sum")];
  for (const [labels, list] of buckets) {
    if (list.some((sample) => sample.labels["le"] === undefined))
      throw new Error(`${name}: a bucket without le`);
    const bounds = list.map((sample) => Number(sample.labels["le"]!.replace("Inf", "Infinity")));
    const rising = list.every(
      (sample, index) =>
        index === 0 || (bounds[index]! > bounds[index - 1]! && sample.value >= list[index - 1]!.value),
    );
    const count = counts.get(labels)?.[0]?.value;
    if (!rising || bounds.at(-1) !== Infinity || count !== list.at(-1)!.value || !sums.has(labels)) {
      throw new Error(`${name}: not a histogram ${labels}`);
    }
  }
  if (counts.size !== buckets.size || sums.size !== buckets.size)
    throw new Error(`${name}: parts of a histogram are missing`);
}

export function makeExposition(types: ReadonlyMap<string, string>, samples: readonly Sample[]): Exposition {
  const includes = (sample: Sample, name: string, labels: Readonly<Record<string, string>>): boolean =>
    sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value);
  return {
    types,
    samples,
    value(name, labels = {}) {
      const found = samples.filter(
        (sample) =>
          includes(sample, name, labels) && Object.keys(sample.labels).length === Object.keys(labels).length,
      );
      if (found.length !== 1) throw new Error(`${found.length} series ${name} ${JSON.stringify(labels)}`);
      return found[0]!.value;
    },
    sum: (name, labels = {}) =>
      samples
        .filter((sample) => includes(sample, name, labels))
        .reduce((total, sample) => total + sample.value, 0),
  };
}
