/** What the management service keeps in the store: documents in JSON, each with a format and a version that grows with each write. */
import type { Revision } from "../../../../store/contract.ts";
import { FORMAT, headOf } from "../../models/stored.ts";

export interface Versioned {
  readonly version: number;
}

/** One document: where it stands, and how it is read. */
export interface RecordKind<Value extends Versioned> {
  readonly path: string;
  /** What holds before anybody has written it. */
  readonly empty: Value;
  /** Null for an object that is no such record. */
  read(value: Readonly<Record<string, unknown>>): Value | null;
  /** Compressed in the store: for what is large and seldom read. */
  readonly is_compressed?: true;
}

/** A record as it stands in the store. */
export interface Kept<Value> {
  readonly value: Value;
  /** Null: nothing stands there, and `value` is the empty one. */
  readonly revision: Revision | null;
  /** The store could not be asked: this is what it held when it last could. */
  readonly is_stale: boolean;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

export function recordBytes<Value extends Versioned>(kind: RecordKind<Value>, value: Value): Uint8Array {
  const bytes = encoder.encode(JSON.stringify({ format: FORMAT, ...value }));
  return kind.is_compressed === true ? Bun.gzipSync(bytes) : bytes;
}

/** Throws Error in words. */
export function readRecord<Value extends Versioned>(kind: RecordKind<Value>, bytes: Uint8Array): Value {
  const record = kind.read(headOf(objectIn(kind.is_compressed === true ? decompressed(bytes) : bytes)));
  if (record === null) throw new Error(`the document at ${kind.path} is no such record`);
  return record;
}

function decompressed(bytes: Uint8Array): Uint8Array {
  try {
    return Bun.gunzipSync(bytes as Uint8Array<ArrayBuffer>);
  } catch {
    throw new Error("the document cannot be decompressed");
  }
}

function objectIn(bytes: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(bytes));
  } catch {
    throw new Error("the document is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error("the document is not an object");
  return value as Record<string, unknown>;
}
