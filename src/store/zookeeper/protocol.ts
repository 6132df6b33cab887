/**
 * Records of ZooKeeper's protocol as far as a store needs them (zookeeper.jute of 3.8; all but `addWatch` and `removeWatches`
 * are in 3.4 already). Nodes are made by `create` and not `create2`: the version of a new node is 0 in any case.
 */
import type { JuteReader, JuteWriter } from "./jute.ts";

export const OPERATION = {
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  sync: 9,
  ping: 11,
  getChildren2: 12,
  check: 13,
  multi: 14,
  removeWatches: 18,
  auth: 100,
  addWatch: 106,
  closeSession: -11,
  error: -1,
} as const;

/** Numbers of requests that are no answers to ours. */
export const XID = { notification: -1, ping: -2, auth: -4 } as const;

export const CODE = {
  ok: 0,
  runtimeInconsistency: -2,
  unimplemented: -6,
  badArguments: -8,
  noNode: -101,
  noAuth: -102,
  badVersion: -103,
  noChildrenForEphemerals: -108,
  nodeExists: -110,
  notEmpty: -111,
  sessionExpired: -112,
  invalidAcl: -114,
  authFailed: -115,
  sessionMoved: -118,
} as const;

/** Words for the codes, for operators. */
export function codeText(code: number): string {
  const name = Object.entries(CODE).find(([, value]) => value === code)?.[0];
  return name === undefined ? `error ${code}` : (WORDS[name] ?? name);
}

const WORDS: Readonly<Record<string, string>> = {
  unimplemented: "the server does not know this operation",
  badArguments: "the server takes the request for malformed",
  noAuth: "no permission",
  noChildrenForEphemerals: "a registration cannot have nodes below it",
  invalidAcl: "the access list is not valid (is somebody logged in?)",
  authFailed: "the server refuses our credentials",
  sessionExpired: "the session has expired",
  sessionMoved: "the session has moved to another server",
};

export interface AccessEntry {
  readonly permissions: number;
  readonly scheme: string;
  readonly id: string;
}
/** read 1, write 2, create 4, delete 8, admin 16 */
const ALL_PERMISSIONS = 31;
export const OPEN_ACL: readonly AccessEntry[] = [
  { permissions: ALL_PERMISSIONS, scheme: "world", id: "anyone" },
];
/** Whoever is logged in on the connection that makes the node. */
export const CREATOR_ACL: readonly AccessEntry[] = [{ permissions: ALL_PERMISSIONS, scheme: "auth", id: "" }];

export const EPHEMERAL = 1;

export interface Stat {
  readonly version: number;
  /** Session of a node that goes with it, 0n = a document. */
  readonly ephemeral_owner: bigint;
}

export function readStat(reader: JuteReader): Stat {
  reader.long(); // czxid
  reader.long(); // mzxid
  reader.long(); // ctime
  reader.long(); // mtime
  const version = reader.int();
  reader.int(); // cversion
  reader.int(); // aversion
  const ephemeral_owner = reader.long();
  reader.int(); // dataLength
  reader.int(); // numChildren
  reader.long(); // pzxid
  return { version, ephemeral_owner };
}

export interface SessionId {
  readonly id: bigint;
  readonly password: Uint8Array;
}

export const NO_SESSION: SessionId = { id: 0n, password: new Uint8Array(16) };

export function writeConnectRequest(
  writer: JuteWriter,
  session: SessionId,
  lastZxid: bigint,
  timeoutMs: number,
): JuteWriter {
  const PROTOCOL_VERSION = 0;
  return writer
    .int(PROTOCOL_VERSION)
    .long(lastZxid)
    .int(timeoutMs)
    .long(session.id)
    .bytes(session.password)
    .boolean(false); // no server that can only read
}

export interface ConnectAnswer {
  /** 0 or less: the session has expired. */
  readonly timeout_ms: number;
  readonly session: SessionId;
}

/** Servers before 3.4 leave the last field out; it is not needed. */
export function readConnectAnswer(reader: JuteReader): ConnectAnswer {
  reader.int();
  const timeout_ms = reader.int();
  const id = reader.long();
  return { timeout_ms, session: { id, password: reader.bytes() ?? new Uint8Array(16) } };
}

export interface AnswerHeader {
  readonly xid: number;
  readonly zxid: bigint;
  readonly code: number;
}

export function readAnswerHeader(reader: JuteReader): AnswerHeader {
  return { xid: reader.int(), zxid: reader.long(), code: reader.int() };
}

export const EVENT = { created: 1, deleted: 2, dataChanged: 3, childrenChanged: 4 } as const;

export interface WatchEvent {
  /** One of EVENT; -1 tells of the session and is not for watches. */
  readonly type: number;
  readonly path: string;
}

export function readWatchEvent(reader: JuteReader): WatchEvent {
  const type = reader.int();
  reader.int(); // state of the session
  return { type, path: reader.text() };
}

/** A change, alone or within `multi`. `version` -1 = any. */
export type Change =
  | {
      readonly kind: "create";
      readonly path: string;
      readonly value: Uint8Array;
      readonly acl: readonly AccessEntry[];
      readonly ephemeral: boolean;
    }
  | { readonly kind: "setData"; readonly path: string; readonly value: Uint8Array; readonly version: number }
  | { readonly kind: "delete" | "check"; readonly path: string; readonly version: number };

export function writeChange(writer: JuteWriter, change: Change): void {
  writer.text(change.path);
  switch (change.kind) {
    case "create":
      writer.bytes(change.value).int(change.acl.length);
      for (const { permissions, scheme, id } of change.acl) writer.int(permissions).text(scheme).text(id);
      writer.int(change.ephemeral ? EPHEMERAL : 0);
      break;
    case "setData":
      writer.bytes(change.value).int(change.version);
      break;
    case "delete":
    case "check":
      writer.int(change.version);
  }
}

export function writeChanges(writer: JuteWriter, changes: readonly Change[]): void {
  for (const change of changes) {
    writer.int(OPERATION[change.kind]).boolean(false).int(-1);
    writeChange(writer, change);
  }
  writer.int(-1).boolean(true).int(-1);
}

/** What became of one change: its code, and the version of a node that was written. */
export interface ChangeResult {
  readonly code: number;
  readonly version: number | null;
}

/** The answer to `multi`: a result per change; where one has failed, none has happened. */
export function readChangeResults(reader: JuteReader): ChangeResult[] {
  const results: ChangeResult[] = [];
  for (;;) {
    const type = reader.int();
    const done = reader.boolean();
    const code = reader.int();
    if (done) return results;
    switch (type) {
      case OPERATION.create:
        reader.text();
        results.push({ code: CODE.ok, version: 0 });
        break;
      case OPERATION.setData:
        results.push({ code: CODE.ok, version: readStat(reader).version });
        break;
      case OPERATION.error:
        results.push({ code: reader.int(), version: null });
        break;
      default:
        results.push({ code, version: null });
    }
  }
}
