/**
 * The thorough reader: any YAML 1.2 with the position of everything, by the `yaml` package. It decides what is valid;
 * the plain reader must agree with it.
 */
import {
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  parseDocument,
  visit,
  type Alias,
  type Document,
  type Node,
  type Pair,
  type YAMLMap,
} from "yaml";
import type { Path } from "./problem.ts";

/** Something wrong in the text itself. */
export interface YamlProblem {
  readonly offset: number;
  readonly message: string;
}

export interface PositionalYaml {
  /** Meaningful only without problems. */
  readonly value: unknown;
  readonly problems: readonly YamlProblem[];
  /** Offset of the key or of the value at `path`, or -1 where there is nothing. */
  offsetOf(path: Path, what: "key" | "value"): number;
}

/** Aliases that may stand for another node, so that a small file cannot become a huge value. */
const MAX_ALIASES = 1_000;
const MAX_DEPTH = 200;
const TOO_DEEP = `nested more than ${MAX_DEPTH} levels deep`;
const CORE_TAG = /^tag:yaml\.org,2002:(?:str|int|float|bool|null|map|seq)$/;

/** Reads `text`; never throws. */
export function readPositionalYaml(text: string): PositionalYaml {
  try {
    const document = parseDocument(text, {
      merge: true,
      stringKeys: true,
      logLevel: "error",
      prettyErrors: false,
    });
    const problems = problemsOf(document, text);
    const value: unknown = problems.length > 0 ? null : document.toJS({ maxAliasCount: MAX_ALIASES });
    return { value, problems, offsetOf: (path, what) => locate(document, path, what) };
  } catch (error) {
    // The parser is recursive, so very deep nesting ends here; so does a value with too many aliases.
    const message = error instanceof RangeError ? TOO_DEEP : `cannot be read: ${messageOf(error)}`;
    return { value: null, problems: [{ offset: 0, message }], offsetOf: () => -1 };
  }
}

function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.startsWith("Excessive alias count") ? "aliases repeat too much" : lowerFirst(text);
}

function problemsOf(document: Document, text: string): YamlProblem[] {
  const errors = [...document.errors, ...document.warnings.filter(isSerious)];
  if (errors.some((error) => error.message.startsWith("Maximum call stack"))) throw new RangeError();
  const problems = errors.map((error) =>
    isOpenQuote(error)
      ? { offset: lastQuote(document), message: "the quote that opens here is not closed" }
      : { offset: error.pos[0], message: wordsOf(error, text) },
  );
  if (document.directives?.yaml.version === "1.1")
    problems.push({ offset: 0, message: "YAML 1.1 is not supported; expected YAML 1.2" });
  // The library looks an alias up by a walk over the whole document, which takes time without bound where there are many.
  const anchors = new Map<string, Node>();
  visit(document, (_, node, ancestors) => {
    if (isNode(node) && !isAlias(node) && node.anchor !== undefined) anchors.set(node.anchor, node);
    const message = isPair(node)
      ? pairProblem(node)
      : isNode(node)
        ? nodeProblem(node, anchors, ancestors)
        : null;
    if (message === null) return undefined;
    problems.push({ offset: offsetOfNode(isPair(node) ? node.key : node), message });
    return visit.SKIP;
  });
  return problems;
}

function wordsOf(error: { code: string; message: string; pos: [number, number] }, text: string): string {
  switch (error.code) {
    case "MULTIPLE_DOCS":
      return "a second document starts here; expected one";
    case "DUPLICATE_KEY":
      return `the key ${/^[^:\s]*/.exec(text.slice(error.pos[0]))?.[0] ?? ""} stands here a second time`;
    case "NON_STRING_KEY":
      return "a key must be text";
    default:
      return lowerFirst(error.message);
  }
}

/** The parser tells a quote that is not closed where the text ends. */
function isOpenQuote({ code, message }: { code: string; message: string }): boolean {
  return code === "MISSING_CHAR" && /^Missing closing ["']quote/.test(message);
}

function lastQuote(document: Document): number {
  let offset = 0;
  visit(document, {
    Scalar(_, node) {
      if (node.type === "QUOTE_DOUBLE" || node.type === "QUOTE_SINGLE") offset = offsetOfNode(node);
    },
  });
  return offset;
}

/** Brackets that close less deep than they should are not an error here; an unknown tag is. */
function isSerious(warning: { code: string }): boolean {
  return warning.code !== "BAD_INDENT" && warning.code !== "TAG_RESOLVE_FAILED";
}

function pairProblem(pair: Pair): string | null {
  if (isScalar(pair.key) && pair.key.value === "__proto__") return "the key __proto__ is not allowed";
  return null;
}

type Anchors = ReadonlyMap<string, Node>;

function nodeProblem(node: Node, anchors: Anchors, ancestors: readonly unknown[]): string | null {
  if (isAlias(node)) return aliasProblem(node, anchors, ancestors);
  if (ancestors.length > MAX_DEPTH * 2) return TOO_DEEP;
  if (node.tag !== undefined && !CORE_TAG.test(node.tag)) return `the tag ${node.tag} is not supported`;
  return null;
}

/** `anchors`: those that stand before the alias, the last one of each name. */
function aliasProblem(alias: Alias, anchors: Anchors, ancestors: readonly unknown[]): string | null {
  const target = anchors.get(alias.source);
  if (target === undefined) return `the anchor &${alias.source} is not defined before *${alias.source}`;
  return ancestors.includes(target) ? `*${alias.source} is part of &${alias.source}: a cycle` : null;
}

function offsetOfNode(node: unknown): number {
  return isNode(node) && node.range !== undefined && node.range !== null ? node.range[0] : 0;
}

/** Walks to the node at `path`, through aliases and merged maps. */
function locate(document: Document, path: Path, what: "key" | "value"): number {
  let node: unknown = document.contents;
  let key: unknown = null;
  for (const step of path) {
    node = isAlias(node) ? node.resolve(document) : node;
    if (isMap(node)) {
      const pair = pairOf(node, String(step), document);
      if (pair === null) return -1;
      key = pair.key;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      key = node;
    } else return -1;
  }
  const found = what === "key" || !isNode(node) ? key : node;
  return isNode(found) ? offsetOfNode(found) : -1;
}

/** `visited`: the maps on the way here; text that is wrong elsewhere may merge a map into itself. */
function pairOf(
  map: YAMLMap,
  key: string,
  document: Document,
  visited: readonly YAMLMap[] = [],
): Pair | null {
  if (visited.includes(map)) return null;
  for (const pair of map.items) if (isScalar(pair.key) && String(pair.key.value) === key) return pair;
  for (const pair of map.items) {
    if (!isScalar(pair.key) || pair.key.source !== "<<") continue;
    for (const source of isSeq(pair.value) ? pair.value.items : [pair.value]) {
      const merged = isAlias(source) ? source.resolve(document) : source;
      const found = isMap(merged) ? pairOf(merged, key, document, [...visited, map]) : null;
      if (found !== null) return found;
    }
  }
  return null;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
