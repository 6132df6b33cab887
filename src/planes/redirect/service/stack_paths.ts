/** Stacks and flavors of an application with how many hosts they have, and the nodes of the store that they stand in. */
import type { PathCount, ServicePaths } from "../../../core/redirect/documents/service_documents.ts";
import type { StackHosts } from "../../../core/redirect/hosts.ts";
import { HOST_DEPTH } from "../discovery/stack_tree.ts";
import type { Records } from "./records/records.ts";
import { ServiceError } from "./service_error.ts";

/** So many nodes are listed at the same time. */
const LISTED_AT_ONCE = 32;

/** `/datacenter/zone/flavor` of the hosts, and of nodes that are kept without hosts. */
export function servicePaths(
  app: string,
  hosts: readonly StackHosts[],
  empty: readonly string[],
  whitelist: readonly string[],
): ServicePaths {
  const listed = new Set(whitelist);
  const stacks = new Map<string, PathCount>(empty.map((path) => [path, none(path)]));
  const flavors = new Map<string, PathCount>();
  for (const path of empty) flavors.set(flavorOf(path), none(flavorOf(path)));
  for (const { stack, flavor, hosts: own } of hosts) {
    const whitelisted = listed.has(stack) ? own.length : 0;
    add(stacks, `${stack}/${flavor}`, own.length, whitelisted);
    add(flavors, flavor, own.length, whitelisted);
  }
  return { service: app, stacks: sorted(stacks), flavors: sorted(flavors) };
}

const none = (value: string): PathCount => ({ value, nodes: 0, nodes_whitelisted: 0 });

function add(counts: Map<string, PathCount>, path: string, nodes: number, whitelisted: number): void {
  const before = counts.get(path) ?? none(path);
  counts.set(path, {
    value: path,
    nodes: before.nodes + nodes,
    nodes_whitelisted: before.nodes_whitelisted + whitelisted,
  });
}

function sorted(counts: ReadonlyMap<string, PathCount>): PathCount[] {
  return [...counts.values()].toSorted((one, other) => (one.value < other.value ? -1 : 1));
}

function flavorOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** How many hosts take traffic at a flavor or `/datacenter/zone/flavor`, on whitelisted stacks. */
export function activeHosts(
  path: string,
  hosts: readonly StackHosts[],
  whitelist: readonly string[],
): number {
  return whitelistedHosts(path, hosts, whitelist).filter(({ weight }) => weight > 0).length;
}

/** All hosts there, those without weight among them. */
export function whitelistedHosts(
  path: string,
  hosts: readonly StackHosts[],
  whitelist: readonly string[],
): StackHosts["hosts"] {
  return hosts
    .filter(({ stack }) => whitelist.includes(stack))
    .filter(({ stack, flavor }) => flavor === path || `${stack}/${flavor}` === path)
    .flatMap(({ hosts: own }) => own);
}

/** A node of the store that hosts register below: `/datacenter/zone/flavor` and the application. */
export interface StackNode {
  readonly path: string;
  readonly app: string;
}

/** Every such node below `root`, with hosts or without. While the store is away: none. */
export async function stackNodes(records: Records, root: string): Promise<StackNode[]> {
  try {
    let paths = [""];
    for (let depth = 1; depth < HOST_DEPTH; depth++) paths = await childPaths(records, root, paths);
    return paths.map((path) => {
      const end = path.lastIndexOf("/");
      return { path: path.slice(0, end), app: path.slice(end + 1) };
    });
  } catch (error) {
    if (error instanceof ServiceError && error.status === 503) return [];
    throw error;
  }
}

async function childPaths(records: Records, root: string, paths: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (let from = 0; from < paths.length; from += LISTED_AT_ONCE) {
    const some = paths.slice(from, from + LISTED_AT_ONCE);
    const names = await Promise.all(some.map((path) => records.names(root + path)));
    for (const [index, each] of names.entries())
      for (const name of each) found.push(`${some[index]}/${name}`);
  }
  return found;
}
