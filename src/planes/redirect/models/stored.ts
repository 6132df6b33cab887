/** Models and lists as they stand in a store: large documents below `/fairlead/redirect`, JSON in our own form. */
import type { RedirectSettings } from "../../../core/redirect/documents/service_documents.ts";
import type { NamedList, RedirectModel } from "../../../core/redirect/model.ts";

export const ROOT = "/fairlead/redirect";
export const APPS = `${ROOT}/apps`;
export const LISTS = `${ROOT}/lists`;
export const SETTINGS = `${ROOT}/settings`;

/** Another format is of a newer program, whose models this one might misread. */
const FORMAT = 1;

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
const decoder = new TextDecoder("utf-8", { fatal: true });

export function modelBytes(stored: StoredModel): Uint8Array {
  return encoder.encode(JSON.stringify({ format: FORMAT, ...stored }));
}

export function listsBytes(stored: StoredLists): Uint8Array {
  return encoder.encode(JSON.stringify({ format: FORMAT, ...stored }));
}

/** Throws Error in words. What is inside of the model, its use shows. Models of before there were rollouts have none. */
export function readModel(bytes: Uint8Array): StoredModel {
  const { version, model } = readDocument(bytes);
  if (typeof model !== "object" || model === null) throw new Error("the document has no model");
  return { version, model: { ...NO_ROLLOUTS, ...(model as RedirectModel) } };
}

/** Throws Error in words. */
export function readLists(bytes: Uint8Array): StoredLists {
  const { version, lists } = readDocument(bytes);
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

function readDocument(bytes: Uint8Array): Readonly<Record<string, unknown>> & { readonly version: number } {
  let value: { format?: unknown; version?: unknown } | null;
  try {
    value = JSON.parse(decoder.decode(bytes)) as typeof value;
  } catch {
    throw new Error("the document is not JSON");
  }
  if (value?.format !== FORMAT)
    throw new Error(`the document has the format ${JSON.stringify(value?.format)}; expected ${FORMAT}`);
  if (typeof value.version !== "number" || !Number.isSafeInteger(value.version))
    throw new Error("the document has no version");
  return value as Readonly<Record<string, unknown>> & { readonly version: number };
}
