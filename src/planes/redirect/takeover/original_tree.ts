/**
 * Reads an installation of the original from its tree in ZooKeeper. A version is the data version of a node there, which is the
 * revision of that kind of store.
 */
import type { Pending } from "../../../core/redirect/changes/pending.ts";
import { distributionDocument } from "../../../core/redirect/documents/distribution.ts";
import { listChangesDocument } from "../../../core/redirect/documents/list_changes.ts";
import { namedListDocument, withEncodedValues } from "../../../core/redirect/documents/named_lists.ts";
import {
  pendingChangesDocument,
  pendingOfDocument,
} from "../../../core/redirect/documents/pending_changes.ts";
import { ruleDocument, urlRuleDocument } from "../../../core/redirect/documents/rule_documents.ts";
import { serverDocument } from "../../../core/redirect/documents/servers.ts";
import {
  settingsDocument,
  stackCommentDocument,
  testCaseDocument,
} from "../../../core/redirect/documents/service_documents.ts";
import { defaultUrlDocument } from "../../../core/redirect/documents/url_params.ts";
import { whitelistDocument, whitelistUpdatesDocument } from "../../../core/redirect/documents/whitelist.ts";
import { EMPTY_MODEL, type RedirectModel } from "../../../core/redirect/model.ts";
import type { Store } from "../../../store/contract.ts";
import { hashOrder } from "./hash_order.ts";
import { md5, NodeReader } from "./node_reader.ts";
import type { OriginalApplication, OriginalInstallation } from "./original_installation.ts";

const APPLICATIONS = "/Redirector/services";
/** Stands among the applications and is none. */
const LIST_CHANGES = "namespacesChanges";
const LISTS = "/namespacedList";
const SETTINGS = "/xreconfig";
const SERVICES = "/services";

export interface TreeOptions {
  /** Of one node, decompressed. */
  readonly max_bytes: number;
  /** Milliseconds since 1970 that pending changes are from: the original does not say it. */
  readonly at: number;
}

/** Reads all of it and changes nothing. Rejects as the store does. */
export async function readOriginalTree(
  store: Pick<Store, "get" | "children">,
  { max_bytes, at }: TreeOptions,
): Promise<OriginalInstallation> {
  const reader = new NodeReader(store, max_bytes);
  const lists = await reader.documents(LISTS, namedListDocument);
  const stacks = await registeredStacks(reader);
  const applications: OriginalApplication[] = [];
  for (const name of await reader.names(APPLICATIONS))
    if (name !== LIST_CHANGES) applications.push(await readApplication(reader, name, stacks, at));
  const changes = `${APPLICATIONS}/${LIST_CHANGES}/CoreBackupNamespacesChangesStatus`;
  return {
    applications,
    lists: {
      version: await reader.version(LISTS),
      lists: lists.map(({ value }) => withEncodedValues(value, md5)),
    },
    list_actions: ((await reader.document(changes, listChangesDocument)) ?? []).map(({ list, action }) => ({
      list: withEncodedValues(list, md5),
      action,
    })),
    settings: await reader.document(SETTINGS, settingsDocument),
    problems: reader.problems,
    warnings: reader.warnings,
  };
}

async function readApplication(
  reader: NodeReader,
  name: string,
  stacks: ReadonlySet<string>,
  at: number,
): Promise<OriginalApplication> {
  const root = `${APPLICATIONS}/${name}`;
  const model = await readModel(reader, root);
  const approved = model ?? EMPTY_MODEL;
  const pendingOf = async (node: string): Promise<Pending | null> => {
    const document = await reader.document(`${root}/${node}`, pendingChangesDocument);
    return document === null ? null : pendingOfDocument(document, approved, at);
  };
  const updates = (await reader.document(`${root}/whitelistedUpdates`, whitelistUpdatesDocument)) ?? [];
  const known = new Set([...stacks, ...approved.whitelist, ...updates.map(({ path }) => path)]);
  const offline = await pendingOf("CoreBackupPendingChangesStatus");
  const tests = await reader.documents(`${root}/testCases`, () => testCaseDocument);
  return {
    name,
    model,
    version: await reader.version(`${root}/modelChanged`),
    pending: (await pendingOf("pendingChangesStatus")) ?? [],
    offline: offline === null || offline.length === 0 ? null : offline,
    tests: tests.map(({ value }) => value),
    comments: await readComments(reader, `${root}/stackComments`, known),
    whitelist_updates: updates,
    reload_version: await reader.version(`${root}/stacksReload`),
  };
}

async function readModel(reader: NodeReader, root: string): Promise<RedirectModel | null> {
  const rules = async (node: string) => inHashOrder(await reader.documents(`${root}/${node}`, ruleDocument));
  const urlRules = async (node: string) =>
    inHashOrder(await reader.documents(`${root}/${node}`, urlRuleDocument));
  const distribution = await reader.document(`${root}/distribution`, distributionDocument);
  const whitelist = await reader.document(`${root}/whitelisted`, whitelistDocument);
  const model: RedirectModel = {
    default_server:
      (await reader.document(`${root}/server/default`, serverDocument)) ??
      distribution?.default_server ??
      null,
    distribution: distribution?.shares ?? [],
    rules: await rules("rules"),
    rule_templates: await rules("templateRules"),
    url_rules: await urlRules("urlRules"),
    url_rule_templates: await urlRules("templateUrlRules"),
    default_url: await reader.document(`${root}/urlParams/default`, defaultUrlDocument),
    rollouts: [],
    whitelist: whitelist ?? [],
  };
  const isNothing = Object.values(model).every(
    (part) => part === null || (Array.isArray(part) && part.length === 0),
  );
  return isNothing ? null : model;
}

/** The order in which the original's gateways get them. */
function inHashOrder<Value>(found: readonly { readonly name: string; readonly value: Value }[]): Value[] {
  const values = new Map(found.map(({ name, value }) => [name, value]));
  return hashOrder([...values.keys()]).map((name) => values.get(name)!);
}

/** Datacenters and zones that hosts are registered in. */
async function registeredStacks(reader: NodeReader): Promise<ReadonlySet<string>> {
  const stacks = new Set<string>();
  for (const datacenter of await reader.names(SERVICES))
    for (const zone of await reader.names(`${SERVICES}/${datacenter}`)) stacks.add(`/${datacenter}/${zone}`);
  return stacks;
}

const nodeOfStack = (path: string): string => path.replaceAll("/", "_");

/** The name of a comment's node is the path with `_` in the place of `/`: which stack that is, those that are known tell. */
async function readComments(
  reader: NodeReader,
  root: string,
  stacks: ReadonlySet<string>,
): Promise<Record<string, string>> {
  const comments: Record<string, string> = {};
  const byNode = Map.groupBy(stacks, nodeOfStack);
  for (const { name, value } of await reader.documents(root, () => stackCommentDocument)) {
    const [path, second] = byNode.get(name) ?? [];
    const plain = /^_([^_]+)_([^_]+)$/.exec(name);
    const stack =
      second !== undefined ? null : (path ?? (plain === null ? null : `/${plain[1]}/${plain[2]}`));
    if (stack === null)
      reader.problems.push(
        `${root}/${name}: does not tell its stack; expected one that is whitelisted or has hosts`,
      );
    else if (value !== "") comments[stack] = value;
  }
  return comments;
}
