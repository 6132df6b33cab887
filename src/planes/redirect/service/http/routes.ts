/** Which endpoint a request is for. */
import type { Endpoint, Method } from "./endpoint.ts";

export interface RouteMatch {
  readonly endpoint: Endpoint;
  readonly parameters: Readonly<Record<string, string>>;
}

interface Node {
  readonly fixed: Map<string, Node>;
  /** The segment that stands for anything. */
  any: { readonly node: Node } | null;
  readonly endpoints: Map<Method, { readonly endpoint: Endpoint; readonly names: readonly string[] }>;
}

const newNode = (): Node => ({ fixed: new Map(), any: null, endpoints: new Map() });

export class Routes {
  readonly #root = newNode();

  /** Throws Error where two endpoints stand at one place. */
  constructor(endpoints: readonly Endpoint[]) {
    for (const endpoint of endpoints) this.#add(endpoint);
  }

  #add(endpoint: Endpoint): void {
    const names: string[] = [];
    let node = this.#root;
    for (const segment of segmentsOf(endpoint.path)) {
      if (!segment.startsWith("{")) {
        const next = node.fixed.get(segment) ?? newNode();
        node.fixed.set(segment, next);
        node = next;
        continue;
      }
      names.push(segment.slice(1, -1));
      node.any ??= { node: newNode() };
      node = node.any.node;
    }
    if (node.endpoints.has(endpoint.method))
      throw new Error(`${endpoint.method} ${endpoint.path} is there twice`);
    node.endpoints.set(endpoint.method, { endpoint, names });
  }

  /**
   * What stands at `path`, a slash at its end left out: null = nothing, a list = the methods that it has instead. Fixed segments come
   * before those that stand for anything.
   */
  at(method: Method, path: string): RouteMatch | readonly Method[] | null {
    const segments = segmentsOf(path);
    const methods = new Set<Method>();
    const found = this.#search(this.#root, segments, 0, [], method, methods);
    if (found !== null) return found;
    return methods.size === 0 ? null : [...methods].toSorted();
  }

  #search(
    node: Node,
    segments: readonly string[],
    depth: number,
    values: readonly string[],
    method: Method,
    methods: Set<Method>,
  ): RouteMatch | null {
    if (depth === segments.length) {
      for (const other of node.endpoints.keys()) methods.add(other);
      const found = node.endpoints.get(method);
      if (found === undefined) return null;
      const entries = found.names.map((name, index) => [name, values[index]!] as const);
      return { endpoint: found.endpoint, parameters: Object.fromEntries(entries) };
    }
    const segment = segments[depth]!;
    const fixed = node.fixed.get(segment);
    const first =
      fixed === undefined ? null : this.#search(fixed, segments, depth + 1, values, method, methods);
    if (first !== null || node.any === null) return first;
    const value = decoded(segment);
    if (value === null || value === "") return null;
    return this.#search(node.any.node, segments, depth + 1, [...values, value], method, methods);
  }
}

function segmentsOf(path: string): string[] {
  const segments = path.split("/").slice(1);
  if (segments.length > 1 && segments.at(-1) === "") segments.pop();
  return segments;
}

function decoded(segment: string): string | null {
  try {
    return decodeURIComponent(segment);
  } catch {
    return null;
  }
}
