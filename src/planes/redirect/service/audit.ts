/**
 * Who has done what: entries that are only ever added, each with the hash of the one before, so that one that was changed or taken
 * away shows. An entry is written in the transaction of what it tells of.
 */
import type { Revision, StoreOperation } from "../../../store/contract.ts";
import { ROOT } from "../models/stored.ts";
import type { Records } from "./records/records.ts";

export interface AuditEntry {
  /** From 1 on, without gaps. */
  readonly number: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly who: string;
  /** `save`, `approve`, `cancel`, `revert`, `rollback`, … */
  readonly action: string;
  /** Null for what is about all applications. */
  readonly app: string | null;
  /** One line: what was changed. */
  readonly subject: string;
  /** As it was given by whoever did it. */
  readonly reason: string | null;
  /** SHA-256 of the entry before, in hexadecimal; of the first one "". */
  readonly previous: string;
}

export type AuditedAct = Omit<AuditEntry, "number" | "previous">;

const AUDIT = `${ROOT}/audit`;
const HEAD = `${AUDIT}/head`;
const entryPath = (number: number): string => `${AUDIT}/entries/${String(number).padStart(12, "0")}`;
const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** Longer texts of requests are cut. */
const LONGEST_TEXT = 2_000;

interface AuditHead {
  readonly number: number;
  readonly sha256: string;
}

/** The end of the log at one moment. */
export interface AuditEnd {
  readonly head: AuditHead;
  /** Null while the log is empty. */
  readonly revision: Revision | null;
}

/** Rejects with ServiceError 503. */
export async function auditEnd(records: Records): Promise<AuditEnd> {
  const node = await records.node(HEAD);
  if (node === null) return { head: { number: 0, sha256: "" }, revision: null };
  return { head: headIn(node.value), revision: node.revision };
}

/**
 * The operations that add an entry; they meet a conflict where somebody else has added one since. With an `end` that was read before
 * everything else, nothing that is audited can have changed what was read: for changes that depend on more than they write.
 */
export async function auditOperations(
  records: Records,
  act: AuditedAct,
  end?: AuditEnd,
): Promise<readonly StoreOperation[]> {
  const { head, revision } = end ?? (await auditEnd(records));
  const number = head.number + 1;
  const { at, who, action, app, subject, reason } = act;
  const entry: AuditEntry = {
    number,
    at,
    who,
    action,
    app,
    subject: subject.slice(0, LONGEST_TEXT),
    reason: reason === null ? null : reason.slice(0, LONGEST_TEXT),
    previous: head.sha256,
  };
  const bytes = encoder.encode(JSON.stringify(entry));
  const next: AuditHead = { number, sha256: sha256Of(bytes) };
  return [
    {
      kind: "put",
      path: HEAD,
      value: encoder.encode(JSON.stringify(next)),
      expect: revision ?? "absent",
    },
    { kind: "put", path: entryPath(number), value: bytes, expect: "absent" },
  ];
}

export interface AuditPage {
  /** The latest first. */
  readonly entries: readonly AuditEntry[];
  /** False where an entry is not what the one after it, or the head, says of it. */
  readonly is_intact: boolean;
}

export interface AuditQuestion {
  /** Only entries about this application; null = about whatever. */
  readonly app: string | null;
  /** From the entry with this number backwards. */
  readonly before: number;
  /** So many entries are looked at. */
  readonly limit: number;
  /** Whether entries about an application are told; without it all are. */
  readonly maySee?: (app: string) => boolean;
}

/** The last `limit` entries with a number of at most `before`, and of them those that are asked for and may be told. */
export async function readAudit(
  records: Records,
  { app, before, limit, maySee = () => true }: AuditQuestion,
): Promise<AuditPage> {
  const node = await records.node(HEAD);
  if (node === null) return { entries: [], is_intact: true };
  const head = headIn(node.value);
  const from = Math.min(before, head.number);
  const entries: AuditEntry[] = [];
  let isIntact = true;
  // Of the newest entry on this page nobody has told yet what it should be, unless it is the last of all.
  let expected = from === head.number ? head.sha256 : null;
  for (let number = from; number > Math.max(0, from - limit); number--) {
    const found = await records.node(entryPath(number));
    if (found === null || (expected !== null && sha256Of(found.value) !== expected)) isIntact = false;
    if (found === null) break;
    const entry = JSON.parse(decoder.decode(found.value)) as AuditEntry;
    expected = entry.previous;
    const isAsked = app === null || entry.app === app;
    if (isAsked && (entry.app === null || maySee(entry.app))) entries.push(entry);
  }
  return { entries, is_intact: isIntact };
}

function headIn(bytes: Uint8Array): AuditHead {
  return JSON.parse(decoder.decode(bytes)) as AuditHead;
}

function sha256Of(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}
