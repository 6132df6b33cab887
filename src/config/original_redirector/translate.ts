/** Translates the original redirector's `redirector.properties` or `service.properties` into a section redirect. */
import { suggest } from "../suggest.ts";
import { draftYaml, newDraft, setAt, type Draft } from "./draft.ts";
import { GATEWAY_KEYS } from "./gateway_keys.ts";
import type { Meanings } from "./meaning.ts";
import { readProperties } from "./properties.ts";
import { DECIDER_KEYS, SERVICE_KEYS } from "./service_keys.ts";

export interface KeyFinding {
  readonly line: number;
  readonly key: string;
  /** Of `acts` the setting, of `superseded` what takes its place, of the others what is wrong. */
  readonly text: string;
}

export interface Translation {
  /** Null: the file has no key of either kind. */
  readonly kind: "gateway" | "service" | null;
  /** The whole configuration: a section redirect. */
  readonly configuration: Draft;
  readonly acts: readonly KeyFinding[];
  readonly superseded: readonly KeyFinding[];
  /** Of the server that the original ran in, and none of its own. */
  readonly foreign: readonly KeyFinding[];
  readonly unknown: readonly KeyFinding[];
  readonly problems: readonly KeyFinding[];
}

const PREFIXES: readonly (readonly [string, Meanings])[] = [
  ["xre.redirectorConfig.", GATEWAY_KEYS],
  ["redirector.", SERVICE_KEYS],
  ["decider.", DECIDER_KEYS],
];
const GATEWAY_PREFIX = PREFIXES[0]![0];
const FOREIGN = /^xre\.(?:app\.|XREConfig\.|redirectorConfig$)/;
/** Frozen hosts are the original's default for this one. */
const STATIC_APP = "xreGuide";

/** Never throws. The values of the last line of each key count, as in Java. */
export function translateProperties(bytes: Uint8Array): Translation {
  const { properties, problems: malformed } = readProperties(bytes);
  const draft = newDraft();
  const found = {
    acts: [] as KeyFinding[],
    superseded: [] as KeyFinding[],
    foreign: [] as KeyFinding[],
    unknown: [] as KeyFinding[],
    problems: malformed.map(({ line, message }) => ({ line, key: "", text: message })),
  };
  const last = new Map(properties.map((property) => [property.key, property]));
  for (const property of properties) {
    const { line } = property;
    const key = shown(property.key);
    const counting = last.get(property.key)!;
    if (counting !== property)
      found.superseded.push({ line, key, text: `line ${counting.line}, which has the same key` });
    else if (FOREIGN.test(key))
      found.foreign.push({ line, key, text: "is of the server around the original" });
    else place(property, draft, found);
  }
  const isGateway = properties.some(({ key }) => key.startsWith(GATEWAY_PREFIX));
  const isService = properties.some(({ key }) =>
    PREFIXES.slice(1).some(([prefix]) => key.startsWith(prefix)),
  );
  if (isGateway || isService)
    complete(draft, isGateway, last.has(`${GATEWAY_PREFIX}excludedAppsForStackAutoDiscovery`));
  return {
    kind: isGateway ? "gateway" : isService ? "service" : null,
    configuration: draft,
    ...found,
    problems: found.problems.toSorted((one, other) => one.line - other.line),
  };
}

/** A key as it may stand in a line: escapes of the file can put anything into it. */
function shown(key: string): string {
  return JSON.stringify(key)
    .slice(1, -1)
    .replaceAll(/[\u007f-\u009f\u2028\u2029]/g, "?")
    .slice(0, 200);
}

type Found = Record<"acts" | "superseded" | "unknown" | "problems", KeyFinding[]>;

function place(
  { key, value, line }: { readonly key: string; readonly value: string; readonly line: number },
  draft: Draft,
  found: Found,
): void {
  const [prefix, meanings] = PREFIXES.find(([each]) => key.startsWith(each)) ?? ["", {}];
  const name = key.slice(prefix.length);
  const meaning = Object.hasOwn(meanings, name) ? meanings[name]! : null;
  if (meaning === null) {
    const guess = suggest(name, Object.keys(meanings));
    found.unknown.push({
      line,
      key: shown(key),
      text: `unknown key${guess === null ? "" : `; did you mean ${prefix}${guess}?`}`,
    });
  } else if (meaning.kind === "superseded") found.superseded.push({ line, key, text: meaning.by });
  else {
    const problem = meaning.put(value.trim(), draft);
    if (problem === null) found.acts.push({ line, key, text: meaning.setting });
    else found.problems.push({ line, key, text: `${JSON.stringify(value)}: ${problem}` });
  }
}

/** What holds in the original without a key. */
function complete(draft: Draft, isGateway: boolean, namesStatic: boolean): void {
  setAt(draft, ["redirect", "store", "type"], "zookeeper");
  const { store } = draft["redirect"] as { store: Draft };
  store["connect"] ??= isGateway ? "localhost:2181" : "127.0.0.1:2181";
  if (!isGateway) return;
  setAt(draft, ["redirect", "defaults", "compat"], "redirector-1");
  setAt(draft, ["redirect", "defaults", "location"], "origin");
  if (!namesStatic) setAt(draft, ["redirect", "apps", STATIC_APP, "discovery"], "static");
}

/** The configuration as YAML, with a comment for what needs no setting. */
export function translationYaml(file: string, { configuration, superseded, foreign }: Translation): string {
  const comments = [
    ...superseded.map(({ line, key, text }) => `# ${file}:${line}: ${key} is superseded by ${text}\n`),
    ...foreign.map(({ line, key, text }) => `# ${file}:${line}: ${key} ${text}\n`),
  ];
  return `${comments.join("")}${draftYaml(configuration)}`;
}
