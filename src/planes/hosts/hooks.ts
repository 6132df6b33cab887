/** Commands that the operator wants run after a name has got another address. They never hold a change back. */
import type { HookPlan } from "../../core/plan.ts";
import { runCommand, type CommandResult } from "../../platform/run_command.ts";

/** Changes that wait for a hook; the oldest are given up beyond. */
export const MAX_WAITING = 1_000;
/** So much of a hook's output is kept for the log. */
export const OUTPUT_LIMIT_BYTES = 4_096;

/** What a hook is told, in its environment. */
export interface Switch {
  readonly name: string;
  readonly pool: string;
  /** "" = it had none. */
  readonly from: string;
  /** "" = it has none. */
  readonly to: string;
  readonly reason: string;
}

export interface HooksOptions {
  /** A hook has failed, or `lost` changes were given up because it is too slow. */
  readonly failed: (hook: HookPlan, change: Switch, result: CommandResult) => void;
  readonly lost: (hook: HookPlan, count: number) => void;
  readonly run?: typeof runCommand;
}

/** One hook with the changes that wait for it: one command at a time, in the order of the changes. */
class Queue {
  readonly hook: HookPlan;
  readonly #options: HooksOptions;
  readonly #end: AbortSignal;
  #waiting: Switch[] = [];
  #lost = 0;
  #working = false;

  constructor(hook: HookPlan, options: HooksOptions, end: AbortSignal) {
    this.hook = hook;
    this.#options = options;
    this.#end = end;
  }

  add(change: Switch): void {
    this.#waiting.push(change);
    if (this.#waiting.length > MAX_WAITING) {
      this.#waiting.shift();
      this.#lost++;
    }
    if (!this.#working) void this.#work();
  }

  async #work(): Promise<void> {
    this.#working = true;
    for (let change = this.#waiting.shift(); change !== undefined; change = this.#waiting.shift()) {
      if (this.#end.aborted) break;
      await this.#run(change);
    }
    this.#working = false;
  }

  async #run(change: Switch): Promise<void> {
    const { run = runCommand, failed, lost } = this.#options;
    const { command, timeout_ms } = this.hook;
    const order = { command, env: environmentOf(change), timeout_ms, output_limit_bytes: OUTPUT_LIMIT_BYTES };
    const result = await run(order, this.#end);
    if (result.problem !== null) failed(this.hook, change, result);
    const count = this.#lost;
    this.#lost = 0;
    if (count > 0) lost(this.hook, count);
  }
}

export class Hooks {
  readonly #options: HooksOptions;
  readonly #end = new AbortController();
  #queues: readonly Queue[] = [];

  constructor(options: HooksOptions) {
    this.#options = options;
  }

  /** Runs these from now on. What waits for one that stays is kept. */
  follow(hooks: readonly HookPlan[]): void {
    const known = new Map(this.#queues.map((queue) => [JSON.stringify(queue.hook), queue]));
    this.#queues = hooks.map(
      (hook) => known.get(JSON.stringify(hook)) ?? new Queue(hook, this.#options, this.#end.signal),
    );
  }

  changed(change: Switch): void {
    for (const queue of this.#queues) queue.add(change);
  }

  /** Kills what runs, and gives up what waits. */
  stop(): void {
    this.#end.abort();
  }
}

/** Nothing of our own environment, which may hold secrets. */
function environmentOf({ name, pool, from, to, reason }: Switch): Record<string, string> {
  return {
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    HOSTS_NAME: name,
    HOSTS_POOL: pool,
    HOSTS_OLD_ADDRESS: from,
    HOSTS_NEW_ADDRESS: to,
    HOSTS_REASON: reason,
  };
}
