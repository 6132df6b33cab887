/**
 * Pending changes as the original has them: eight maps from ids to a change with the entity as it shall be and as it is. A distribution
 * is told share by share, a whitelist stack by stack.
 */
import { type Change, type ChangeType, changeType, type Pending, sameValue } from "../changes/pending.ts";
import { ONLY_ID } from "../changes/entities.ts";
import type { Destination, RedirectModel, Rule, Server, Share, UrlParams } from "../model.ts";
import { readShare, writeShare } from "./distribution.ts";
import { Fields, readMembers, trimmed, valueOf } from "./fields.ts";
import type { DocumentKind } from "./kind.ts";
import type { DocumentNode } from "./node.ts";
import { quoted, type Reading } from "./reading.ts";
import { readRule, type ResultForm, writeRule } from "./rules.ts";
import { destinationForm, readServer, writeServer } from "./servers.ts";
import { readDefaultUrl, urlParamsForm, writeDefaultUrl } from "./url_params.ts";
import { attribute, group, listed, text, type Written } from "./written.ts";

/** What is edited one by one, as the original names it. */
interface MapValues {
  readonly pathRules: Rule<Destination>;
  readonly templatePathRules: Rule<Destination>;
  readonly urlRules: Rule<UrlParams>;
  readonly templateUrlPathRules: Rule<UrlParams>;
  readonly urlParams: UrlParams;
  readonly servers: Server;
  readonly distributions: Share;
  /** A path. */
  readonly whitelisted: string;
}

export type PendingMap = keyof MapValues;

export interface PendingEntry<Value> {
  readonly id: string;
  readonly type: ChangeType;
  /** As it shall be; null = it shall go. */
  readonly changed: Value | null;
  /** As it is; null = it is new. */
  readonly current: Value | null;
}

export type PendingDocument = { readonly version: number } & {
  readonly [Map in PendingMap]: readonly PendingEntry<MapValues[Map]>[];
};

interface Form<Value> {
  read(node: DocumentNode, reading: Reading, id: string): Value | null;
  write(value: Value): Written[];
}

const ruleForm = <Result>(form: ResultForm<Result>): Form<Rule<Result>> => ({
  read: (node, reading, id) => readRule(node, form, reading, id),
  write: (rule) => writeRule(rule, form),
});

const FORMS: { readonly [Map in PendingMap]: Form<MapValues[Map]> } = {
  pathRules: ruleForm(destinationForm),
  templatePathRules: ruleForm(destinationForm),
  urlRules: ruleForm(urlParamsForm),
  templateUrlPathRules: ruleForm(urlParamsForm),
  urlParams: { read: (node, reading) => readDefaultUrl(node, reading), write: writeDefaultUrl },
  servers: { read: (node, reading) => readServer(node, reading), write: writeServer },
  distributions: {
    read: (node, reading, id) => readShare(node, Number(id), reading),
    write: (share) => writeShare(share, 0),
  },
  whitelisted: {
    read: (node, reading) => trimmed(valueOf(node, reading)),
    write: (path) => [text("value", path)],
  },
};

export const PENDING_MAPS = Object.keys(FORMS) as PendingMap[];
const TYPES: readonly ChangeType[] = ["ADD", "UPDATE", "DELETE"];

/** `{"version": 3, "pathRules": {"entry": [{"key": "beta", "value": {…}}]}, …}` */
export const pendingChangesDocument: DocumentKind<PendingDocument> = {
  name: "pending changes",
  roots: ["pending", "pendingChangesStatus"],
  read(node, reading) {
    const fields = new Fields(node, reading);
    const version = fields.whole("version", 0);
    const maps = PENDING_MAPS.map((map) => [map, readMap(map, fields.one(map), reading)] as const);
    fields.done();
    return { version, ...Object.fromEntries(maps) } as unknown as PendingDocument;
  },
  write: (document) => [
    attribute("version", document.version),
    ...PENDING_MAPS.map((map) =>
      group(
        map,
        document[map].map((entry) => writeEntry(map, entry)),
      ),
    ),
  ],
};

function readMap(map: PendingMap, node: DocumentNode | null, reading: Reading): PendingEntry<unknown>[] {
  if (node === null) return [];
  const entries: PendingEntry<unknown>[] = [];
  readMembers(node, reading, {
    entry(member) {
      const entry = reading.part(`${map} entry`, () => readEntry(map, member, reading));
      if (entry !== null) entries.push(entry);
    },
  });
  return entries;
}

function readEntry(map: PendingMap, node: DocumentNode, reading: Reading): PendingEntry<unknown> | null {
  const outer = new Fields(node, reading);
  const key = outer.text("key");
  const value = outer.one("value");
  outer.done();
  if (value === null) {
    reading.problem(node, "has no value; expected a change");
    return null;
  }
  const fields = new Fields(value, reading);
  const id = fields.filled("id") ?? key ?? "";
  if (id === "") reading.problem(value, "has no id; expected that of what is changed");
  const written = fields.filled("changeType") ?? "";
  const type = TYPES.find((name) => name === written);
  if (type === undefined)
    reading.problem(value, `has the changeType ${quoted(written)}; expected one of ${TYPES.join(", ")}`);
  const form: Form<unknown> = FORMS[map];
  const read = (name: string): unknown => {
    const member = fields.one(name);
    return member === null ? null : form.read(member, reading, id);
  };
  const entry = {
    id,
    type: type ?? "UPDATE",
    changed: read("changedExpression"),
    current: read("currentExpression"),
  };
  if (entry.type !== "DELETE" && entry.changed === null)
    reading.problem(value, "has no changedExpression; expected what it shall be");
  fields.done();
  return entry;
}

function writeEntry(map: PendingMap, { id, type, changed, current }: PendingEntry<unknown>): Written {
  const form = FORMS[map] as Form<unknown>;
  const side = (name: string, value: unknown): Written[] =>
    value === null ? [] : [group(name, form.write(value))];
  return listed("entry", [
    text("key", id),
    group("value", [
      text("id", id),
      text("changeType", type),
      ...side("changedExpression", changed),
      ...side("currentExpression", current),
    ]),
  ]);
}

const MAP_OF = {
  rule: "pathRules",
  rule_template: "templatePathRules",
  url_rule: "urlRules",
  url_rule_template: "templateUrlPathRules",
  default_url: "urlParams",
  default_server: "servers",
} as const satisfies Partial<Record<Change["kind"], PendingMap>>;

/** How pending changes look to clients of the original. What it has no name for is left out. */
export function pendingDocument(version: number, pending: Pending): PendingDocument {
  const maps: Record<PendingMap, PendingEntry<unknown>[]> = {
    pathRules: [],
    templatePathRules: [],
    urlRules: [],
    templateUrlPathRules: [],
    urlParams: [],
    servers: [],
    distributions: [],
    whitelisted: [],
  };
  for (const change of pending) {
    const { kind, id, before, after } = change;
    if (kind === "distribution") maps.distributions.push(...shareEntries(sharesIn(before), sharesIn(after)));
    else if (kind === "whitelist")
      maps.whitelisted.push({
        id,
        type: changeType(change),
        changed: after === null ? null : id,
        current: before === null ? null : id,
      });
    else if (Object.hasOwn(MAP_OF, kind))
      maps[MAP_OF[kind as keyof typeof MAP_OF]].push({
        id,
        type: changeType(change),
        changed: after,
        current: before,
      });
  }
  return { version, ...maps } as unknown as PendingDocument;
}

const sharesIn = (value: unknown): readonly Share[] => (value as readonly Share[] | null) ?? [];

/** Ids of shares are their places. */
function shareEntries(before: readonly Share[], after: readonly Share[]): PendingEntry<Share>[] {
  const entries: PendingEntry<Share>[] = [];
  for (let place = 0; place < Math.max(before.length, after.length); place++) {
    const [current, changed] = [before[place] ?? null, after[place] ?? null];
    if (sameValue(current, changed)) continue;
    const type = current === null ? "ADD" : changed === null ? "DELETE" : "UPDATE";
    entries.push({ id: String(place), type, changed, current });
  }
  return entries;
}

/** The changes of a document, made to `approved`, by nobody that is known. */
export function pendingOfDocument(document: PendingDocument, approved: RedirectModel, at: number): Pending {
  const changes: Change[] = [];
  const add = (kind: Change["kind"], id: string, before: unknown, after: unknown): void =>
    void changes.push({ kind, id, before, after, authors: [], at } as unknown as Change);
  for (const [kind, map] of Object.entries(MAP_OF))
    for (const { id, changed, current } of document[map])
      add(kind as Change["kind"], kind.startsWith("default") ? ONLY_ID : id, current, changed);
  if (document.distributions.length > 0) {
    // By number, whatever numbers a document names.
    const shares = new Map<number, Share>(approved.distribution.entries());
    for (const { id, type, changed } of document.distributions)
      if (type === "DELETE" || changed === null) shares.delete(Number(id));
      else shares.set(Number(id), changed);
    const after = [...shares].toSorted(([one], [other]) => one - other).map(([, share]) => share);
    const before = approved.distribution.length === 0 ? null : approved.distribution;
    add("distribution", ONLY_ID, before, after.length === 0 ? null : after);
  }
  for (const { id, type, changed, current } of document.whitelisted) {
    const path = changed ?? current ?? id;
    const isThere = approved.whitelist.includes(path) ? true : null;
    add("whitelist", path, isThere, type === "DELETE" ? null : true);
  }
  return changes;
}
