/** Models and lists as they stand in a store: large documents below `/fairlead/redirect`, JSON in our own form. */
import type { RedirectSettings } from "../../../core/redirect/documents/service_documents.ts";
import type { ListValue, NamedList, RedirectModel } from "../../../core/redirect/model.ts";
import { allSteps } from "../../../core/steps.ts";
import { type LongArray, parseJsonParts } from "../../../core/text/json_parts.ts";

export const ROOT = "/fairlead/redirect";
export const APPS = `${ROOT}/apps`;
export const LISTS = `${ROOT}/lists`;
export const SETTINGS = `${ROOT}/settings`;

/** Another format is of a newer program, whose models this one might misread. */
export const FORMAT = 1;

const NO_ROLLOUTS: Partial<RedirectModel> = { rollouts: [] };

/** A model and its version, which grows with each approval. */
export interface StoredModel {
  readonly version: number;
  readonly model: RedirectModel;
}

export interface StoredLists {
  readonly version: number;
  readonly lists: readonly NamedList[];
}

/** Any name may be an application's. */
export function modelPath(app: string): string {
  return `${APPS}/${encodeURIComponent(app)}/model`;
}

/** A document whose version says how often the hosts of a static application were to be taken anew. */
export function reloadPath(app: string): string {
  return `${APPS}/${encodeURIComponent(app)}/stacks_reload`;
}

/** In the store, where other names stand behind it. */
const LONGEST_NAME = 1_000;

/** Whether anything can be stored of an application with this name. */
export function isStorableName(app: string): boolean {
  return app !== "." && app !== ".." && encodeURIComponent(app).length <= LONGEST_NAME;
}

/** The application that a path below `APPS` belongs to, or null. */
export function appOfPath(path: string): string | null {
  if (!path.startsWith(`${APPS}/`)) return null;
  const [name = ""] = path.slice(APPS.length + 1).split("/", 1);
  try {
    return decodeURIComponent(name);
  } catch {
    return null;
  }
}

const encoder = new TextEncoder();

export function modelBytes(stored: StoredModel): Uint8Array {
  return encoder.encode(JSON.stringify({ format: FORMAT, ...stored }));
}

export function listsBytes(stored: StoredLists): Uint8Array {
  return encoder.encode(JSON.stringify({ format: FORMAT, ...stored }));
}

/** Elements of a document that are read some at a time, into arrays of their own. */
type LongArrays = Readonly<Record<string, unknown[]>>;

/** Reads a model in steps. Throws Error in words. What is inside of the model, its use shows. Models of before there were rollouts have none. */
export function* readModel(bytes: Uint8Array): Generator<void, StoredModel> {
  const long: LongArrays = { rules: [], url_rules: [] };
  const arrays = Object.entries(long).map(([name, elements]) => ({
    path: ["model", name],
    take: (some: readonly unknown[]) => void elements.push(...some),
  }));
  const { version, model } = headOf(yield* jsonSlices(bytes, arrays));
  if (typeof model !== "object" || model === null) throw new Error("the document has no model");
  const taken = Object.entries(long).filter(([name]) => Array.isArray((model as LongArrays)[name]));
  return { version, model: { ...NO_ROLLOUTS, ...(model as RedirectModel), ...Object.fromEntries(taken) } };
}

/** Reads lists in steps: `take` is told more and more values of the list at `index`. Returns the rest. Throws Error in words. */
export function* readLists(
  bytes: Uint8Array,
  take: (values: readonly ListValue[], index: number) => void,
): Generator<void, StoredLists> {
  const values = {
    path: ["lists", "*", "values"],
    take: (elements: readonly unknown[], index: number) => take(elements as ListValue[], index),
  };
  const { version, lists } = headOf(yield* jsonSlices(bytes, [values]));
  if (!Array.isArray(lists)) throw new Error("the document has no lists");
  return { version, lists: lists as NamedList[] };
}

/** Throws Error in words. */
export function readSettings(bytes: Uint8Array): RedirectSettings {
  const { version, min_hosts: ofOne, app_min_hosts: ofOthers } = readDocument(bytes);
  if (!isCount(ofOne) || !isCount(ofOthers)) throw new Error("the document has no settings");
  return { version, min_hosts: ofOne, app_min_hosts: ofOthers };
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** Throws Error in words. */
export function readVersion(bytes: Uint8Array): number {
  return readDocument(bytes).version;
}

/** A small document. */
function readDocument(bytes: Uint8Array): Head {
  return headOf(allSteps(jsonSlices(bytes, [])));
}

function* jsonSlices(bytes: Uint8Array, arrays: readonly LongArray[]): Generator<void, unknown> {
  const work = parseJsonParts(bytes, arrays);
  for (;;) {
    let step: IteratorResult<void, unknown>;
    try {
      step = work.next();
    } catch (error) {
      // Of text that is no UTF-8 decoders say it by a TypeError.
      if (!(error instanceof SyntaxError) && !(error instanceof TypeError)) throw error;
      throw new Error("the document is not JSON", { cause: error });
    }
    if (step.done === true) return step.value;
    yield;
  }
}

type Head = Readonly<Record<string, unknown>> & { readonly version: number };

/** Throws Error in words for a document of another format, or without a version. */
export function headOf(document: unknown): Head {
  const value = document as { format?: unknown; version?: unknown } | null;
  if (value?.format !== FORMAT)
    throw new Error(`the document has the format ${JSON.stringify(value?.format)}; expected ${FORMAT}`);
  if (typeof value.version !== "number" || !Number.isSafeInteger(value.version))
    throw new Error("the document has no version");
  return value as Head;
}
