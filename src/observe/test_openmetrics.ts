/**
 * A strict reader of OpenMetrics 1.0.0 for tests, after the text of the specification (sections "ABNF", "Overall
 * Structure", "MetricFamily", "Numbers"): what it says with MUST is refused, and so are the forms that we never write
 * (timestamps, exemplars, other types).
 */
import {
  checkHistogram,
  type Exposition,
  makeExposition,
  parseSample,
  type Sample,
} from "./test_exposition.ts";

/** What the samples of a family are called, by its type: the family's name and one of these. */
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ["_total"],
  gauge: [""],
  info: ["_info"],
  histogram: ["_bucket", "_sum", "_count"],
};
/** No family may have a name that ends like the samples of another type. */
const RESERVED = ["_total", "_created", "_bucket", "_count", "_sum", "_info", "_gcount", "_gsum"];
const METADATA = /^# (TYPE|UNIT|HELP) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/;
/** How a bound is written: `0.005`, `1.0`, `1e+06`, `+Inf`. */
const CANONICAL_BOUND = /^(?:\d{1,6}\.\d+|\d(?:\.\d+)?e[+-]\d\d|\+Inf)$/;

interface OpenFamily {
  readonly name: string;
  readonly said: Map<string, string>;
  readonly samples: Sample[];
}

/** Reads a whole page; `types` of the result are by family. Throws with the line that breaks a rule. */
export function parseOpenMetrics(text: string): Exposition {
  if (!text.endsWith("\n# EOF\n") && text !== "# EOF\n") throw new Error("the page does not end with # EOF");
  const families: OpenFamily[] = [];
  for (const line of text.slice(0, -"# EOF\n".length).split("\n").slice(0, -1)) {
    if (line.startsWith("#")) readMetadata(line, families);
    else {
      const family = families.at(-1);
      if (family === undefined) throw new Error(`a sample before all families: ${line}`);
      family.samples.push(readSample(line, family));
    }
  }
  const names = families.flatMap(({ name, said }) => SUFFIXES[said.get("TYPE")!]!.map((end) => name + end));
  if (new Set(names).size !== names.length) throw new Error("two families have samples of one name");
  for (const family of families) checkFamily(family);
  const types = new Map(families.map(({ name, said }) => [name, said.get("TYPE")!]));
  return makeExposition(
    types,
    families.flatMap(({ samples }) => samples),
  );
}

function readMetadata(line: string, families: OpenFamily[]): void {
  const [, kind = "", name = "", rest = ""] = METADATA.exec(line) ?? [];
  if (kind === "") throw new Error(`no metadata: ${line}`);
  let family = families.at(-1);
  if (family?.name !== name) {
    if (families.some((other) => other.name === name)) throw new Error(`${name} stands in two places`);
    family = { name, said: new Map(), samples: [] };
    families.push(family);
  }
  if (family.samples.length > 0) throw new Error(`metadata behind samples: ${line}`);
  if (family.said.has(kind)) throw new Error(`second ${kind} of ${name}`);
  if (kind === "TYPE" && !(rest in SUFFIXES)) throw new Error(`unknown type: ${line}`);
  if (kind === "TYPE" && RESERVED.some((end) => name.endsWith(end)))
    throw new Error(`reserved name: ${line}`);
  if (kind === "UNIT" && !name.endsWith(`_${rest}`)) throw new Error(`the name lacks its unit: ${line}`);
  if (kind === "HELP" && /(?<!\\)(?:\\\\)*(?:\\[^\\n"]|"|\\$)/.test(rest))
    throw new Error(`wrong escape: ${line}`);
  family.said.set(kind, rest);
}

function readSample(line: string, { name, said }: OpenFamily): Sample {
  const sample = parseSample(line);
  const suffixes = SUFFIXES[said.get("TYPE") ?? ""];
  if (suffixes === undefined) throw new Error(`${name} has no TYPE`);
  if (!suffixes.some((end) => sample.name === name + end)) throw new Error(`${line} stands in ${name}`);
  if (/"[^"]*[^,{]*,\}/.test(line)) throw new Error(`a comma behind the last label: ${line}`);
  if (sample.name.endsWith("_bucket") && !CANONICAL_BOUND.test(sample.labels["le"] ?? ""))
    throw new Error(`not a canonical bound: ${line}`);
  return sample;
}

function checkFamily({ name, said, samples }: OpenFamily): void {
  if (samples.length === 0) throw new Error(`${name} has no samples`);
  const type = said.get("TYPE");
  const ids = samples.map(({ name: full, labels }) =>
    JSON.stringify([full, Object.entries(labels).toSorted(([one], [other]) => (one < other ? -1 : 1))]),
  );
  if (new Set(ids).size !== ids.length) throw new Error(`${name} has a series twice`);
  if (type === "histogram") checkHistogram(name, samples);
  if (type === "info" && samples.some(({ value }) => value !== 1)) throw new Error(`${name} is not 1`);
  if (type === "counter" && samples.some(({ value }) => !(value >= 0)))
    throw new Error(`${name} is negative`);
}
