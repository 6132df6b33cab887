/** Snapshots: all that the service knows of an application, or of all, as clients take it with them for times without the store. */
import type { RedirectModel, Rollout } from "../model.ts";
import { distributionDocument } from "./distribution.ts";
import { Fields, textOf } from "./fields.ts";
import { stacksDocument, type StackSnapshot } from "./gateway_files.ts";
import { type DocumentKind, readJsonText, writeJson } from "./kind.ts";
import { namedListsDocument, type NamedListSet } from "./named_lists.ts";
import type { DocumentNode } from "./node.ts";
import { type PendingDocument, pendingChangesDocument } from "./pending_changes.ts";
import { documentProblemText, type Reading } from "./reading.ts";
import { readRollouts } from "./rollouts.ts";
import { rulesDocument, urlRulesDocument } from "./rule_documents.ts";
import { applicationNamesDocument } from "./service_answers.ts";
import { serverDocument } from "./servers.ts";
import {
  type RedirectSettings,
  servicePathsDocument,
  type ServicePaths,
  settingsDocument,
} from "./service_documents.ts";
import { defaultUrlDocument } from "./url_params.ts";
import { whitelistDocument, whitelistUpdatesDocument, type WhitelistUpdate } from "./whitelist.ts";
import { type DocumentFormat, group, listed, optionalText, text, type Written } from "./written.ts";

export interface ModelSnapshot {
  readonly application: string;
  /** Of the model. */
  readonly version: number;
  readonly model: RedirectModel;
  readonly whitelist_updates: readonly WhitelistUpdate[];
  /** Null where the document has none. */
  readonly pending: PendingDocument | null;
  readonly paths: readonly ServicePaths[];
  /** Its hosts; null where the document has none. */
  readonly stacks: readonly StackSnapshot[] | null;
}

/** `{"version": 7, "application": "a1", "pathRules": {"if": […]}, …}` */
export const modelSnapshotDocument: DocumentKind<ModelSnapshot> = {
  name: "the snapshot of a model",
  roots: ["snapshot"],
  read: readSnapshot,
  write: writeSnapshot,
};

export interface DataSnapshot {
  readonly snapshots: readonly ModelSnapshot[];
  readonly applications: readonly string[];
  readonly lists: NamedListSet;
  readonly settings: RedirectSettings | null;
}

/** `{"snapshots": […], "applicationsNames": {"appNames": […]}, "namespaces": {…}, "redirectorConfig": {…}}` */
export const dataSnapshotDocument: DocumentKind<DataSnapshot> = {
  name: "snapshots of all applications",
  roots: ["dataSnapshot"],
  read(node, reading) {
    const fields = new Fields(node, reading);
    const snapshots = fields.all("snapshots").flatMap((each) => readSnapshot(each, reading) ?? []);
    const applications = readNames(fields.one("applicationsNames"), reading);
    const lists = part(fields, "namespaces", namedListsDocument, reading);
    const settings = part(fields, "redirectorConfig", settingsDocument, reading);
    fields.ignore("entityToSave");
    fields.done();
    return {
      snapshots,
      applications: applications ?? snapshots.map(({ application }) => application),
      lists: lists ?? { version: 0, lists: [] },
      settings,
    };
  },
  write: ({ snapshots, applications, lists, settings }, format) => [
    ...snapshots.map((snapshot) => listed("snapshots", writeSnapshot(snapshot, format))),
    group("applicationsNames", applicationNamesDocument.write(applications, format)),
    group("namespaces", namedListsDocument.write(lists, format)),
    ...(settings === null ? [] : [group("redirectorConfig", settingsDocument.write(settings, format))]),
  ],
};

function readNames(node: DocumentNode | null, reading: Reading): readonly string[] | null {
  if (node === null) return null;
  const fields = new Fields(node, reading);
  const names = fields.all("appNames").map((name) => textOf(name, reading).trim());
  fields.ignore("version");
  fields.done();
  return [...new Set(names)];
}

function part<Value>(fields: Fields, key: string, kind: DocumentKind<Value>, reading: Reading): Value | null {
  const node = fields.one(key);
  return node === null ? null : kind.read(node, reading);
}

function readSnapshot(node: DocumentNode, reading: Reading): ModelSnapshot | null {
  const fields = new Fields(node, reading);
  const application = fields.text("application") ?? "";
  return reading.part(application === "" ? null : `application ${application}`, () => {
    if (application === "") reading.problem(node, "has no application; expected its name");
    const own = <Value>(key: string, kind: DocumentKind<Value>): Value | null =>
      part(fields, key, kind, reading);
    const version = fields.whole("version", 0);
    const distribution = own("distributions", distributionDocument);
    const urlRules = own("urlRules", urlRulesDocument);
    const snapshot: ModelSnapshot = {
      application,
      version,
      model: {
        default_server: own("servers", serverDocument) ?? distribution?.default_server ?? null,
        distribution: distribution?.shares ?? [],
        rules: own("pathRules", rulesDocument) ?? [],
        rule_templates: own("templatePathRules", rulesDocument) ?? [],
        url_rules: urlRules?.rules ?? [],
        url_rule_templates: own("templateUrlPathRules", urlRulesDocument)?.rules ?? [],
        default_url: own("urlParams", defaultUrlDocument) ?? urlRules?.default_url ?? null,
        whitelist: own("whitelisted", whitelistDocument) ?? [],
        rollouts: readOwnRollouts(fields.one("rollouts"), reading),
      },
      whitelist_updates: own("whitelistedUpdates", whitelistUpdatesDocument) ?? [],
      pending: own("pendingChanges", pendingChangesDocument),
      paths: own("stacks", servicePathsDocument) ?? [],
      stacks: readStacks(fields.one("stackBackup"), reading),
    };
    fields.ignore("entityToSave");
    fields.done();
    return snapshot;
  });
}

/** A text with a document in it, as the original keeps it. */
function readStacks(node: DocumentNode | null, reading: Reading): readonly StackSnapshot[] | null {
  if (node === null) return null;
  const bytes = new TextEncoder().encode(textOf(node, reading));
  const { value, problems } = readJsonText(stacksDocument, [bytes], { max_model_bytes: bytes.length });
  for (const problem of problems) reading.problem(node, documentProblemText(problem));
  return value;
}

/** Ours alone, and a text as well. */
function readOwnRollouts(node: DocumentNode | null, reading: Reading): readonly Rollout[] {
  if (node === null) return [];
  let value: unknown = null;
  try {
    value = JSON.parse(textOf(node, reading));
  } catch {
    // Null is no such document either.
  }
  const rollouts = readRollouts(value);
  if (typeof rollouts !== "string") return rollouts;
  reading.problem(node, rollouts);
  return [];
}

function writeSnapshot(
  { application, version, model, whitelist_updates: updates, pending, paths, stacks }: ModelSnapshot,
  format: DocumentFormat,
): Written[] {
  const own = <Value>(key: string, kind: DocumentKind<Value>, value: Value | null): Written[] =>
    value === null ? [] : [group(key, kind.write(value, format))];
  const urlRules = { rules: model.url_rules, default_url: null };
  const urlTemplates = { rules: model.url_rule_templates, default_url: null };
  const distribution = { shares: model.distribution, default_server: null };
  const { rollouts } = model;
  return [
    text("version", version),
    text("application", application),
    ...own("pathRules", rulesDocument, model.rules),
    ...own("urlRules", urlRulesDocument, urlRules),
    ...own("urlParams", defaultUrlDocument, model.default_url),
    ...own("templatePathRules", rulesDocument, model.rule_templates),
    ...own("templateUrlPathRules", urlRulesDocument, urlTemplates),
    ...own("distributions", distributionDocument, distribution),
    ...own("whitelisted", whitelistDocument, model.whitelist),
    ...own("whitelistedUpdates", whitelistUpdatesDocument, updates),
    ...own("pendingChanges", pendingChangesDocument, pending),
    ...own("stacks", servicePathsDocument, paths),
    ...own("servers", serverDocument, model.default_server),
    ...optionalText("rollouts", rollouts.length === 0 ? null : JSON.stringify({ rollouts })),
    ...optionalText(
      "stackBackup",
      stacks === null ? null : JSON.stringify(writeJson(stacksDocument, stacks)),
    ),
  ];
}
