/** What a gateway needs to decide when it can ask nobody: as one value, and as files with the original's names. */
import type { DocumentKind } from "../../../core/redirect/documents/kind.ts";
import { writeJson } from "../../../core/redirect/documents/kind.ts";
import {
  applicationsDocument,
  modelMetadataDocument,
  stacksDocument,
  type StackSnapshot,
} from "../../../core/redirect/documents/gateway_files.ts";
import {
  gatewayListsDocument,
  gatewayListsOf,
  namedListsDocument,
  type NamedListSet,
} from "../../../core/redirect/documents/named_lists.ts";
import {
  rulesDocument,
  selectServerDocument,
  urlRulesDocument,
} from "../../../core/redirect/documents/rule_documents.ts";
import {
  settingsDocument,
  type RedirectSettings,
} from "../../../core/redirect/documents/service_documents.ts";
import { whitelistDocument } from "../../../core/redirect/documents/whitelist.ts";
import type { Host, StackHosts } from "../../../core/redirect/hosts.ts";
import type { RedirectModel } from "../../../core/redirect/model.ts";
import { writeXml } from "../documents/xml.ts";

export interface KnownModel {
  readonly model: RedirectModel;
  readonly version: number;
}

export interface KnownGood {
  /** Names of all applications, also of those without a model. */
  readonly applications: readonly string[];
  readonly models: ReadonlyMap<string, KnownModel>;
  readonly lists: NamedListSet;
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

/**
 * The files by name, such as `a1/selectserver.xml`. Hosts of `static_applications` stand in files of their own, as in the
 * original. Throws RangeError for characters that XML cannot hold, which no reader of a model lets through.
 */
export function filesOf(
  { applications, models, lists, stacks, settings }: KnownGood,
  static_applications: ReadonlySet<string>,
): ReadonlyMap<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  const put = (name: string, text: string): void => void files.set(name, new TextEncoder().encode(text));
  const putJson = <Value>(name: string, kind: DocumentKind<Value>, value: Value): void =>
    put(name, `${JSON.stringify(writeJson(kind, value))}\n`);
  putJson(GLOBAL_FILES.applications, applicationsDocument, applications);
  putJson(GLOBAL_FILES.lists, gatewayListsDocument, gatewayListsOf(lists));
  putJson(GLOBAL_FILES.full_lists, namedListsDocument, lists);
  if (settings !== null) putJson(GLOBAL_FILES.settings, settingsDocument, settings);
  for (const [application, known] of models)
    for (const [name, text] of modelFiles(known)) put(`${folderOf(application)}/${name}`, text);
  const shared: StackSnapshot[] = [];
  for (const [application, found] of stacks) {
    const snapshots = stackSnapshots(application, found);
    if (!static_applications.has(application)) shared.push(...snapshots);
    else putJson(`${folderOf(application)}/${APPLICATION_FILES.stacks}`, stacksDocument, snapshots);
  }
  putJson(GLOBAL_FILES.stacks, stacksDocument, shared);
  return files;
}

function modelFiles({ model, version }: KnownModel): [string, string][] {
  const { rules, distribution: shares, default_server, url_rules, default_url } = model;
  const files: [string, string][] = [
    [
      APPLICATION_FILES.rules,
      writeXml(selectServerDocument, { rules, distribution: { shares, default_server } }),
    ],
    [APPLICATION_FILES.url_rules, writeXml(urlRulesDocument, { rules: url_rules, default_url })],
    [APPLICATION_FILES.whitelist, writeXml(whitelistDocument, model.whitelist)],
    [APPLICATION_FILES.version, `${JSON.stringify(writeJson(modelMetadataDocument, version))}\n`],
  ];
  if (model.rule_templates.length > 0)
    files.push([APPLICATION_FILES.rule_templates, writeXml(rulesDocument, model.rule_templates)]);
  if (model.url_rule_templates.length > 0)
    files.push([
      APPLICATION_FILES.url_rule_templates,
      writeXml(urlRulesDocument, { rules: model.url_rule_templates, default_url: null }),
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
