/** Paths of nodes: what may be one, and their relations. */
import { DEFAULT_STORE } from "./defaults.ts";

/** What a store or its tools cannot show or keep: control characters, halves of surrogate pairs, U+FFFE and the like. */
const UNUSABLE = /[\u0000-\u001f\u007f-\u009f\ud800-\udfff\ufff0-\uffff]/u;

/** What is wrong with a path, in words, or null: `/a/b`, without empty parts, `.` and `..`. `/` alone is none. */
export function pathProblem(path: string): string | null {
  if (!path.startsWith("/") || path.length < 2) return "a path starts with / and names a node";
  if (UNUSABLE.test(path)) return "a path holds no control characters";
  for (const part of path.slice(1).split("/"))
    if (part === "" || part === "." || part === "..") return "the parts of a path are not empty, . or ..";
  return Buffer.byteLength(path) > DEFAULT_STORE.max_path_bytes
    ? `a path has at most ${DEFAULT_STORE.max_path_bytes} bytes`
    : null;
}

/** Throws RangeError for a path that is none. */
export function checkPath(path: string): void {
  const problem = pathProblem(path);
  if (problem !== null) throw new RangeError(`${JSON.stringify(path.slice(0, 200))}: ${problem}`);
}

/** Paths of several programs in one store, apart by a base such as `/test`; `""` = the whole store. */
export class Base {
  readonly base: string;

  /** Throws RangeError for a base that is neither empty nor a path. */
  constructor(base: string) {
    if (base !== "") checkPath(base);
    this.base = base;
  }

  /** The path in the store. `/` is the base itself where `allowRoot` says so. Throws RangeError. */
  full(path: string, allowRoot = false): string {
    if (allowRoot && path === "/") return this.base === "" ? "/" : this.base;
    checkPath(path);
    const full = this.base + path;
    if (this.base !== "") checkPath(full);
    return full;
  }

  /** The other way round, for paths of this base; the base itself is `/`. */
  own(full: string): string {
    return full.length === this.base.length ? "/" : full.slice(this.base.length);
  }
}

/** `/a` for `/a/b`, `/` for `/a`. */
export function parentOf(path: string): string {
  const end = path.lastIndexOf("/");
  return end <= 0 ? "/" : path.slice(0, end);
}

/** Everything above a node but `/`, from the top: `/a`, `/a/b` for `/a/b/c`. */
export function ancestorsOf(path: string): string[] {
  const ancestors: string[] = [];
  for (let end = path.indexOf("/", 1); end > 0; end = path.indexOf("/", end + 1))
    ancestors.push(path.slice(0, end));
  return ancestors;
}

/** A path of a node directly below. */
export function childOf(parent: string, name: string): string {
  return parent === "/" ? `/${name}` : `${parent}/${name}`;
}

/** Is `path` the node `prefix` or below it? */
export function isWithin(path: string, prefix: string): boolean {
  return prefix === "/" || path === prefix || path.startsWith(`${prefix}/`);
}
