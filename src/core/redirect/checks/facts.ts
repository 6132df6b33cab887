/** What an entity is checked against. */
import type { StackHosts } from "../hosts.ts";
import type { NamedList, RedirectModel } from "../model.ts";

export interface CheckFacts {
  /** What gateways decide by. */
  readonly approved: RedirectModel;
  /** The approved model with all that is pending, before the change that is checked. */
  readonly next: RedirectModel;
  readonly stacks: readonly StackHosts[];
  /** All named lists, with the saved one as it was. */
  readonly lists: readonly NamedList[];
  /** The original's semantics act (`compat: redirector-1`). */
  readonly compat: boolean;
}

/** Which paths have hosts that may be chosen: those with a weight. */
export class LivePaths {
  readonly #whitelisted = new Set<string>();
  readonly #others = new Set<string>();

  constructor(stacks: readonly StackHosts[], whitelist: readonly string[]) {
    const listed = new Set(whitelist);
    for (const { stack, flavor, hosts } of stacks) {
      if (hosts.every(({ weight }) => weight <= 0)) continue;
      const paths = listed.has(stack) ? this.#whitelisted : this.#others;
      paths.add(flavor).add(`${stack}/${flavor}`);
    }
  }

  /** `path` is a flavor, or `/datacenter/zone/flavor`. */
  has(path: string): boolean {
    return this.#whitelisted.has(path) || this.#others.has(path);
  }

  /** True when a host at `path` stands on a stack that is, or is not, whitelisted. */
  hasAmong(path: string, whitelisted: boolean): boolean {
    return (whitelisted ? this.#whitelisted : this.#others).has(path);
  }
}
