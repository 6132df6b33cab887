/** What a gateway needs to decide when it can ask nobody: as one value, and as files with the original's names. */
import type { DocumentKind } from "../../../core/redirect/documents/kind.ts";
import { writeJson } from "../../../core/redirect/documents/kind.ts";
import {
  applicationsDocument,
  modelMetadataDocument,
  stacksDocument,
  type StackSnapshot,
} from "../../../core/redirect/documents/gateway_files.ts";
import type { NamedListSet } from "../../../core/redirect/documents/named_lists.ts";
import {
  ruleDocument,
  rulesDocument,
  selectServerDocument,
  urlRuleDocument,
  urlRulesDocument,
} from "../../../core/redirect/documents/rule_documents.ts";
import {
  settingsDocument,
  type RedirectSettings,
} from "../../../core/redirect/documents/service_documents.ts";
import { listOf, type Written } from "../../../core/redirect/documents/written.ts";
import { whitelistDocument } from "../../../core/redirect/documents/whitelist.ts";
import type { Host, StackHosts } from "../../../core/redirect/hosts.ts";
import type { RedirectModel, Rule } from "../../../core/redirect/model.ts";
import { fullListPieces, gatewayListPieces, type KnownLists } from "./list_pieces.ts";
import { writeXml } from "../documents/xml.ts";
import { xmlPieces } from "../documents/xml_writer.ts";

export interface KnownModel {
  readonly model: RedirectModel;
  readonly version: number;
}

/** What is written may have lists that are told one by one; what is read has them as a whole. */
export interface KnownGood<Lists extends KnownLists = NamedListSet> {
  /** Names of all applications, also of those without a model. */
  readonly applications: readonly string[];
  readonly models: ReadonlyMap<string, KnownModel>;
  readonly lists: Lists;
  /** By application. */
  readonly stacks: ReadonlyMap<string, readonly StackHosts[]>;
  readonly settings: RedirectSettings | null;
  /** Made while the store was away, and meant to act until somebody ends it. */
  readonly is_offline: boolean;
}

/** Files for all applications. */
export const GLOBAL_FILES = {
  applications: "applications.json",
  /** Values of lists as clients send them: all that the original's gateway knows. */
  lists: "namespacedlists.json",
  /** Lists with their types, versions and plain values. */
  full_lists: "namespacedlists-backup.json",
  stacks: "stacks.json",
  settings: "redirectorConfig.json",
} as const;

/** Files of an application, in a folder of its name. */
export const APPLICATION_FILES = {
  rules: "selectserver.xml",
  url_rules: "urlrules.xml",
  whitelist: "whitelist.xml",
  version: "modelmetadata.json",
  /** Hosts of a static application. */
  stacks: "manualbackup.json",
  /** Ours are XML, which keeps the order of conditions; the original's bundles have JSON. */
  rule_templates: "flavorTemplates.xml",
  url_rule_templates: "urlTemplates.xml",
  rule_templates_json: "flavorTemplates.json",
  url_rule_templates_json: "urlTemplates.json",
  /** Ours alone. */
  rollouts: "rollouts.json",
} as const;

const GLOBAL_NAMES: ReadonlySet<string> = new Set(Object.values(GLOBAL_FILES));
const APPLICATION_NAMES: ReadonlySet<string> = new Set(Object.values(APPLICATION_FILES));

/** True for the name of a file that is read, such as `a1/selectserver.xml`. */
export function isKnownFile(name: string): boolean {
  const slash = name.indexOf("/");
  return slash < 0 ? GLOBAL_NAMES.has(name) : APPLICATION_NAMES.has(name.slice(slash + 1));
}

/** Name of an application's folder: its own, what a folder cannot be called or what others are called as `%2F`. */
export function folderOf(application: string): string {
  const folder = encodeURIComponent(application);
  const isTaken = folder.startsWith(".") || folder.startsWith("generation-") || folder.includes(".json");
  return isTaken ? `%${folder.charCodeAt(0).toString(16).toUpperCase()}${folder.slice(1)}` : folder;
}

/** A file in pieces of text, each made when it is asked for, in about a millisecond. */
export type FilePieces = Iterable<string>;

/**
 * The files by name, such as `a1/selectserver.xml`. Hosts of `static_applications` stand in files of their own, as in the
 * original. Making the pieces throws RangeError for characters that XML cannot hold, which no reader of a model lets through.
 */
export function filesOf(
  { applications, models, lists, stacks, settings }: KnownGood<KnownLists>,
  static_applications: ReadonlySet<string>,
): ReadonlyMap<string, FilePieces> {
  const files = new Map<string, FilePieces>();
  const putJson = <Value>(name: string, kind: DocumentKind<Value>, value: Value): void =>
    void files.set(name, jsonPieces(kind, value));
  putJson(GLOBAL_FILES.applications, applicationsDocument, applications);
  files.set(GLOBAL_FILES.lists, gatewayListPieces(lists));
  files.set(GLOBAL_FILES.full_lists, fullListPieces(lists));
  if (settings !== null) putJson(GLOBAL_FILES.settings, settingsDocument, settings);
  for (const [application, known] of models)
    for (const [name, pieces] of modelFiles(known)) files.set(`${folderOf(application)}/${name}`, pieces);
  const shared: StackSnapshot[] = [];
  for (const [application, found] of stacks) {
    const snapshots = stackSnapshots(application, found);
    if (!static_applications.has(application)) shared.push(...snapshots);
    else putJson(`${folderOf(application)}/${APPLICATION_FILES.stacks}`, stacksDocument, snapshots);
  }
  putJson(GLOBAL_FILES.stacks, stacksDocument, shared);
  return files;
}

/** The same as a whole. */
export function wholeFiles(files: ReadonlyMap<string, FilePieces>): Map<string, Uint8Array> {
  const encoder = new TextEncoder();
  return new Map([...files].map(([name, pieces]) => [name, encoder.encode([...pieces].join(""))]));
}

function* jsonPieces<Value>(kind: DocumentKind<Value>, value: Value): Generator<string> {
  yield `${JSON.stringify(writeJson(kind, value))}\n`;
}

function* xmlOf<Value>(kind: DocumentKind<Value>, value: Value): Generator<string> {
  yield writeXml(kind, value);
}

/** One rule after the other, then what stands behind them. */
function* rulePieces<Result>(
  root: string,
  rules: readonly Rule<Result>[],
  one: DocumentKind<Rule<Result>>,
  behind: readonly Written[],
): Generator<string> {
  const members = function* (): Generator<Written> {
    for (const rule of rules) yield* listOf("if", [one.write(rule, "xml")]);
    yield* behind;
  };
  yield* xmlPieces(root, members());
}

function modelFiles({ model, version }: KnownModel): [string, FilePieces][] {
  const { rules, distribution: shares, default_server, url_rules, default_url } = model;
  const behindRules = selectServerDocument.write(
    { rules: [], distribution: { shares, default_server } },
    "xml",
  );
  const behindUrlRules = urlRulesDocument.write({ rules: [], default_url }, "xml");
  const files: [string, FilePieces][] = [
    [APPLICATION_FILES.rules, rulePieces("selectServer", rules, ruleDocument(), behindRules)],
    [APPLICATION_FILES.url_rules, rulePieces("urlRules", url_rules, urlRuleDocument(), behindUrlRules)],
    [APPLICATION_FILES.whitelist, xmlOf(whitelistDocument, model.whitelist)],
    [APPLICATION_FILES.version, jsonPieces(modelMetadataDocument, version)],
  ];
  if (model.rule_templates.length > 0)
    files.push([APPLICATION_FILES.rule_templates, xmlOf(rulesDocument, model.rule_templates)]);
  if (model.url_rule_templates.length > 0)
    files.push([
      APPLICATION_FILES.url_rule_templates,
      xmlOf(urlRulesDocument, { rules: model.url_rule_templates, default_url: null }),
    ]);
  const { rollouts } = model;
  if (rollouts.length > 0) files.push([APPLICATION_FILES.rollouts, `${JSON.stringify({ rollouts })}\n`]);
  return files;
}

/** Hosts of an application as they stand in files. */
export function stackSnapshots(application: string, stacks: readonly StackHosts[]): StackSnapshot[] {
  return stacks.map((stack) => snapshotOf(application, stack));
}

function snapshotOf(application: string, { stack, flavor, hosts }: StackHosts): StackSnapshot {
  const path = `${stack}/${flavor}/${application}`;
  return { path, hosts: hosts.map((host) => ({ ...host, ...hostText(path, host) })) };
}

function hostText(path: string, { key, weight }: Host): { readonly id: string; readonly weight: string } {
  return { id: key.startsWith(`${path}/`) ? key.slice(path.length + 1) : key, weight: String(weight) };
}
