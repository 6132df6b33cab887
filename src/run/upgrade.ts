/** One attempt to be replaced by a new start of the program, as the old supervisor sees it. */

import { successorEnvironment } from "./service_manager.ts";

/** A successor that does not serve by then is given up. */
const LIMIT_MS = 60_000;

export type UpgradeResult =
  { readonly ok: true; readonly pid: number } | { readonly ok: false; readonly problems: readonly string[] };

export class Upgrade {
  readonly #command: readonly string[];
  readonly #outcome = Promise.withResolvers<ReadonlySet<string>>();
  #pid = 0;

  constructor(command: readonly string[]) {
    this.#command = command;
  }

  /** Of the successor. */
  get pid(): number {
    return this.#pid;
  }

  /**
   * Starts the successor. Resolves with the addresses whose sockets it accepts on; rejects with its own words, one problem
   * per line, when it does not come to serve.
   */
  async run(): Promise<ReadonlySet<string>> {
    const child = Bun.spawn([...this.#command], {
      stdio: ["ignore", "inherit", "inherit"],
      env: successorEnvironment(process.env),
    });
    this.#pid = child.pid;
    const timer = setTimeout(() => {
      this.refused([`pid ${child.pid} did not serve within ${LIMIT_MS / 1_000} s`]);
    }, LIMIT_MS);
    void child.exited.then((code) => {
      const how = child.signalCode === null ? `exit code ${code}` : `signal ${child.signalCode}`;
      this.refused([`the new program ended before it served (${how}): ${this.#command.join(" ")}`]);
    });
    try {
      return await this.#outcome.promise;
    } catch (error) {
      child.kill("SIGKILL");
      await child.exited;
      throw error;
    } finally {
      clearTimeout(timer);
      // It outlives this process.
      child.unref();
    }
  }

  /** The successor serves. */
  relieved(held: readonly string[]): void {
    this.#outcome.resolve(new Set(held));
  }

  /** The successor gives up. */
  refused(problems: readonly string[]): void {
    this.#outcome.reject(new Error(problems.join("\n")));
  }
}
