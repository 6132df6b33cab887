/** Stacks and the hosts on them, as they are registered now. */
import { hostDocument, hostsDocument } from "../../../../core/redirect/documents/service_answers.ts";
import {
  type ServicePaths,
  servicePathsDocument,
} from "../../../../core/redirect/documents/service_documents.ts";
import type { Host, StackHosts } from "../../../../core/redirect/hosts.ts";
import { parentOf } from "../../../../store/paths.ts";
import type { AppView } from "../app_view.ts";
import { expectAllowed } from "../access/principal.ts";
import { auditOperations } from "../audit.ts";
import { giveJson, giveText } from "../http/answer.ts";
import type { Call } from "../http/call.ts";
import { document, type Endpoint, json, text } from "../http/endpoint.ts";
import { STACK_SET_RECORD } from "../records/kinds.ts";
import { recordWrite } from "../records/records.ts";
import { hashOf } from "../revisions.ts";
import type { Service } from "../service.ts";
import { ServiceError } from "../service_error.ts";
import { servicePaths, type StackNode, stackNodes } from "../stack_paths.ts";

const PERMISSION = "stacks";
const ADDRESSES = {
  stackName: "`/datacenter/zone`, or with the flavor behind it.",
  flavorName: "The flavor; without a stack on all of them.",
};

function pathsOf({ app, stacks, approved }: AppView, nodes: readonly StackNode[]): ServicePaths {
  const own = nodes.filter((node) => node.app === app).map(({ path }) => path);
  return servicePaths(app, stacks, own, approved.whitelist);
}

async function pathsOfApp(call: Call, service: Service): Promise<readonly ServicePaths[]> {
  const view = await service.view(call.app);
  return [pathsOf(view, await stackNodes(service.records, service.facts.services_root))];
}

/** Hosts at the stack or flavor that the query names. Rejects with ServiceError: 400 where it names neither. */
async function addresses(call: Call, service: Service): Promise<Host[]> {
  const stackName = call.query.get("stackName") || null;
  const flavorName = call.query.get("flavorName") || null;
  if (stackName === null && flavorName === null)
    throw new ServiceError(400, "expected a stackName, a flavorName or both in the query");
  const isMeant = ({ stack, flavor }: StackHosts): boolean =>
    (flavorName === null || flavor === flavorName) &&
    (stackName === null || stackName === stack || stackName === `${stack}/${flavor}`);
  const { stacks } = await service.view(call.app);
  return stacks.filter(isMeant).flatMap(({ hosts }) => hosts);
}

/** Grows when stacks with hosts come or go. Rejects with ServiceError 503. */
async function stackSetVersion({ records, facts }: Service): Promise<number> {
  return records.change(async () => {
    const paths = facts
      .applications()
      .flatMap((app) => facts.stacks(app).map(({ stack, flavor }) => `${stack}/${flavor}/${app}`));
    const sha256 = hashOf(paths.toSorted());
    const { value, revision } = await records.readFresh(STACK_SET_RECORD);
    if (value.sha256 === sha256) return { writes: [], result: value.version };
    const next = { version: value.version + 1, sha256 };
    return { writes: [recordWrite(STACK_SET_RECORD, next, revision)], result: next.version };
  });
}

/** Deletes nodes that hosts registered below, and what is empty above them. Rejects with ServiceError where one is unknown or used. */
async function deleteStacks(call: Call, service: Service): Promise<string[]> {
  const { records, facts } = service;
  const wanted = call
    .document(servicePathsDocument)
    .flatMap(({ service: app, stacks }) => stacks.map(({ value }): StackNode => ({ path: value, app })));
  for (const { app } of wanted)
    expectAllowed(call.who, { mode: "write", endpoint: PERMISSION, entity: null, app });
  const known = new Set((await stackNodes(records, facts.services_root)).map(nameOf));
  const unknown = wanted.filter((node) => !known.has(nameOf(node)));
  if (unknown.length > 0 || wanted.length === 0)
    throw new ServiceError(400, `unknown paths: ${namesOf(unknown)}; expected paths of stacks in the store`);
  const used: StackNode[] = [];
  for (const node of wanted) {
    const hosts = await records.names(facts.services_root + nameOf(node));
    // Hosts that were lost with their session are used until their grace is over.
    const acting = facts
      .stacks(node.app)
      .some(({ stack, flavor, hosts: own }) => `${stack}/${flavor}` === node.path && own.length > 0);
    if (hosts.length > 0 || acting) used.push(node);
  }
  if (used.length > 0) throw hasHosts(used);
  const deleted: StackNode[] = [];
  // One transaction for each: a request may name more than a store takes in one.
  for (const node of wanted)
    if (await deleteStack(call, service, node)) deleted.push(node);
    else used.push(node);
  for (const { path } of deleted)
    for (let above = path; above !== "/"; above = parentOf(above))
      if ((await records.names(facts.services_root + above)).length === 0)
        await records.deleteNode(facts.services_root + above);
  if (used.length > 0) throw hasHosts(used);
  return deleted.map(nameOf);
}

/** The node with its entry in the audit; false where a host has registered since, which the store refuses. */
function deleteStack({ who, act }: Call, { records, facts }: Service, node: StackNode): Promise<boolean> {
  const path = facts.services_root + nameOf(node);
  return records.change(async () => {
    if ((await records.names(path)).length > 0) return { writes: [], result: false };
    const audit = await auditOperations(records, {
      at: facts.clock.wall(),
      who: who.name,
      action: "delete stacks",
      app: null,
      subject: nameOf(node),
      reason: act.reason,
    });
    return { writes: [], operations: [{ kind: "delete", path }, ...audit], result: true };
  });
}

const nameOf = ({ path, app }: StackNode): string => `${path}/${app}`;
const namesOf = (nodes: readonly StackNode[]): string => nodes.map(nameOf).join(", ");

function hasHosts(nodes: readonly StackNode[]): ServiceError {
  return new ServiceError(409, `${namesOf(nodes)}: has hosts; expected stacks without hosts`);
}

export const stackEndpoints: readonly Endpoint[] = [
  {
    id: "getStacks",
    method: "GET",
    path: "/stacks",
    summary: "Stacks and flavors of all applications that one may see, with how many hosts they have",
    permission: PERMISSION,
    gives: document("Paths by application."),
    async handle(call, service) {
      const nodes = await stackNodes(service.records, service.facts.services_root);
      const apps = (await service.applications()).filter((app) => call.maySee(PERMISSION, app));
      const views = await Promise.all(apps.map((app) => service.view(app)));
      return call.give(
        servicePathsDocument,
        views.map((view) => pathsOf(view, nodes)),
      );
    },
  },
  {
    id: "getStacksOfApplication",
    method: "GET",
    path: "/stacks/{app}",
    summary: "Stacks and flavors of an application, with how many hosts they have",
    permission: PERMISSION,
    gives: document("The paths."),
    async handle(call, service) {
      return call.give(servicePathsDocument, await pathsOfApp(call, service));
    },
  },
  {
    id: "exportStacks",
    method: "GET",
    path: "/stacks/{app}/export",
    summary: "Stacks and flavors of an application as a file",
    permission: PERMISSION,
    gives: document("The file."),
    async handle(call, service) {
      const paths = await pathsOfApp(call, service);
      return call.export(servicePathsDocument, paths, `exportedStacks-forService-${call.app}`);
    },
  },
  {
    id: "getAddresses",
    method: "GET",
    path: "/stacks/{app}/addresses",
    summary: "Hosts of a stack, of a flavor, or of a flavor on a stack",
    permission: PERMISSION,
    query: ADDRESSES,
    gives: document("The hosts."),
    async handle(call, service) {
      return call.give(hostsDocument, await addresses(call, service));
    },
  },
  {
    id: "getRandomAddress",
    method: "GET",
    path: "/stacks/{app}/addresses/random",
    summary: "One of these hosts",
    permission: PERMISSION,
    query: ADDRESSES,
    gives: document("The host; 404 where there is none."),
    async handle(call, service) {
      const hosts = await addresses(call, service);
      const host = hosts[Math.floor(Math.random() * hosts.length)];
      if (host === undefined) throw new ServiceError(404, `${call.app} has no host there`);
      return call.give(hostDocument, host);
    },
  },
  {
    id: "deleteStacks",
    method: "PUT",
    path: "/stacks/deleteStacks",
    summary: "Deletes stacks without hosts from the store",
    permission: PERMISSION,
    takes: document("Paths by application; only the stacks are looked at."),
    gives: json("What was deleted; 400 names unknown paths, 409 those that have hosts."),
    async handle(call, service) {
      return giveJson({ deleted: await deleteStacks(call, service) });
    },
  },
  {
    id: "getStackSetVersion",
    method: "GET",
    path: "/stacks/getVersion",
    summary: "A number that grows when stacks with hosts come or go",
    permission: PERMISSION,
    gives: text("A whole number."),
    async handle(_call, service) {
      return giveText(String(await stackSetVersion(service)));
    },
  },
];
