/**
 * A transaction as ZooKeeper's `multi`. It knows neither "make or change" nor "with parents": the plan takes for granted what is
 * usual (the node is there, the parents too), and is made anew with what an answer has taught. Nothing has happened then.
 */
import type { Revision, StoreOperation } from "../contract.ts";
import { DEFAULT_STORE } from "../defaults.ts";
import { StoreConflict, StoreUnavailable, type Expectation } from "../errors.ts";
import { ancestorsOf } from "../paths.ts";
import type { Client } from "./client.ts";
import { storeError } from "./failures.ts";
import { CODE, type AccessEntry, type Change } from "./protocol.ts";

const ANY_VERSION = -1;
const NO_BYTES = new Uint8Array(0);

/** An operation with the path in the store; `ephemeral` makes a put one of a node that goes with the session. */
export type PlannedOperation = StoreOperation & { readonly ephemeral?: boolean };

interface Step {
  readonly change: Change;
  /** Which operation it is of; null = a parent. */
  readonly operation: number | null;
}

export class Transaction {
  readonly #client: Client;
  readonly #operations: readonly PlannedOperation[];
  readonly #acl: readonly AccessEntry[];
  readonly #ownPath: (full: string) => string;
  /** Operations without expectation whose node is not there. */
  readonly #absent = new Set<number>();
  /** All nodes were looked for at once: a plan a node would take as many plans as there are nodes. */
  #hasLooked = false;
  /** Parents that must be made. */
  readonly #missing = new Set<string>();

  constructor(
    client: Client,
    operations: readonly PlannedOperation[],
    acl: readonly AccessEntry[],
    ownPath: (full: string) => string,
  ) {
    this.#client = client;
    this.#operations = operations;
    this.#acl = acl;
    this.#ownPath = ownPath;
  }

  /** Revisions of the puts, null for others. Rejects as `Store.transact` does. */
  async run(): Promise<readonly (Revision | null)[]> {
    for (let plan = 0; plan < DEFAULT_STORE.zookeeper.max_plans; plan++) {
      const steps = this.#steps();
      const results = await this.#client.change(steps.map(({ change }) => change));
      const at = results.findIndex(({ code }) => code !== CODE.ok && code !== CODE.runtimeInconsistency);
      if (at < 0) {
        const revisions: (Revision | null)[] = this.#operations.map(() => null);
        for (const [index, { operation }] of steps.entries())
          if (operation !== null) revisions[operation] = results[index]?.version ?? null;
        return revisions;
      }
      await this.#learn(steps[at]!, results[at]!.code);
    }
    throw new StoreUnavailable("nodes come and go too fast for a transaction");
  }

  #steps(): Step[] {
    const steps: Step[] = [];
    /** By this transaction, before the operation that is being planned. */
    const made = new Set<string>();
    const removed = new Set<string>();
    const mustMake = (path: string) => !made.has(path) && (removed.has(path) || this.#missing.has(path));
    const create = (
      operation: number | null,
      path: string,
      value: Uint8Array = NO_BYTES,
      ephemeral = false,
    ) => {
      made.add(path);
      steps.push({ operation, change: { kind: "create", path, value, acl: this.#acl, ephemeral } });
    };
    for (const [index, operation] of this.#operations.entries()) {
      const { kind, path } = operation;
      if (kind === "check")
        steps.push({ operation: index, change: { kind, path, version: operation.revision } });
      else if (kind === "delete") {
        if (this.#absent.has(index)) continue;
        made.delete(path);
        removed.add(path);
        steps.push({
          operation: index,
          change: { kind, path, version: operation.expect ?? ANY_VERSION },
        });
      } else if (operation.expect === "absent" || this.#absent.has(index)) {
        for (const parent of ancestorsOf(path)) if (mustMake(parent)) create(null, parent);
        create(index, path, operation.value, operation.ephemeral);
      } else {
        const { value, expect: version = ANY_VERSION } = operation;
        steps.push({ operation: index, change: { kind: "setData", path, value, version } });
      }
    }
    return steps;
  }

  /** What a failed step teaches the next plan. Throws where it is a conflict or a refusal. */
  async #learn({ change, operation: index }: Step, code: number): Promise<void> {
    const { path } = change;
    const operation = index === null ? null : this.#operations[index]!;
    if (operation === null && code === CODE.nodeExists) this.#missing.delete(path);
    else if (change.kind === "create" && code === CODE.noNode) await this.#findMissing();
    else if (operation !== null && !isExpected(operation) && this.#flips(change, code)) {
      if (!this.#hasLooked) await this.#lookForAll();
      if (code === CODE.noNode) this.#absent.add(index!);
      else this.#absent.delete(index!);
    } else throw this.#failure(change, operation, code);
  }

  #flips({ kind }: Change, code: number): boolean {
    return kind === "create" ? code === CODE.nodeExists : code === CODE.noNode;
  }

  /** Paths of one operation alone, and parents of none: what others of the transaction do to a node, the answers teach. */
  async #lookForAll(): Promise<void> {
    this.#hasLooked = true;
    const parents = new Set(this.#operations.flatMap(({ path }) => ancestorsOf(path)));
    const byPath = Map.groupBy(this.#operations.keys(), (index) => this.#operations[index]!.path);
    const single = [...byPath].flatMap(([path, [index, ...others]]) =>
      others.length > 0 || parents.has(path) || isExpected(this.#operations[index!]!) ? [] : [index!],
    );
    const found = await Promise.all(
      single.map((index) => this.#client.exists(this.#operations[index]!.path)),
    );
    for (const [at, stat] of found.entries()) if (stat === null) this.#absent.add(single[at]!);
  }

  /** Of all operations at once, as the parents of one are mostly missing with those of others. */
  async #findMissing(): Promise<void> {
    const puts = this.#operations.filter(({ kind }) => kind === "put");
    const ancestors = [...new Set(puts.flatMap(({ path }) => ancestorsOf(path)))];
    const found = await Promise.all(ancestors.map((each) => this.#client.exists(each)));
    for (const [index, stat] of found.entries()) if (stat === null) this.#missing.add(ancestors[index]!);
  }

  #failure({ path }: Change, operation: PlannedOperation | null, code: number): Error {
    const own = this.#ownPath(path);
    if (code === CODE.notEmpty) return new StoreConflict(own, "without children");
    if (code === CODE.nodeExists || code === CODE.noNode || code === CODE.badVersion)
      return new StoreConflict(own, expectationOf(operation));
    return storeError(code, own);
  }
}

function isExpected(operation: PlannedOperation): boolean {
  return operation.kind === "check" || operation.expect !== undefined;
}

function expectationOf(operation: PlannedOperation | null): Expectation {
  if (operation === null) return "absent";
  return (operation.kind === "check" ? operation.revision : operation.expect) ?? "present";
}
