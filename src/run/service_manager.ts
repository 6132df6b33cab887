/**
 * What a service manager such as systemd is told: ready, reloading, stopping, who the main process is, and that it is
 * alive. Nothing happens where none has started the program.
 */
import { messageOf } from "../core/text/message_of.ts";
import { notifyService } from "../platform/service_notify.ts";

/** Variables by which the manager tells where it listens and how often it wants to hear (sd_notify(3), sd_watchdog_enabled(3)). */
export interface ServiceEnvironment {
  readonly NOTIFY_SOCKET?: string | undefined;
  readonly WATCHDOG_USEC?: string | undefined;
  readonly WATCHDOG_PID?: string | undefined;
}

/** A timer of more fires all the time. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class ServiceManager {
  readonly #path: string | null;
  readonly #watchdogMs: number;
  readonly #warn: (text: string) => void;
  #watchdog: Timer | null = null;
  #warned = false;

  /** `warn` is told once when the manager does not take what it is told. */
  constructor(environment: ServiceEnvironment, warn: (text: string) => void) {
    const { NOTIFY_SOCKET: path, WATCHDOG_USEC: every, WATCHDOG_PID: pid } = environment;
    this.#path = path === undefined || path === "" ? null : path;
    const isForUs = pid === undefined || Number(pid) === process.pid;
    const milliseconds = isForUs && /^\d+$/.test(every ?? "") ? Number(every) / 1_000 : 0;
    this.#watchdogMs = Math.min(milliseconds, LONGEST_TIMER_MS);
    this.#warn = warn;
  }

  /**
   * The program serves. From now on the manager hears that it is alive, twice as often as it wants to. `isMain`: the manager
   * knows this process; of a successor it hears from the main process before (`succeededBy`).
   */
  ready(status: string, isMain: boolean): void {
    if (isMain) this.#tell("READY=1", `STATUS=${status}`);
    if (this.#path === null || this.#watchdogMs <= 0 || this.#watchdog !== null) return;
    this.#watchdog = setInterval(() => this.#tell("WATCHDOG=1"), this.#watchdogMs / 2).unref();
  }

  stopping(): void {
    this.#tell("STOPPING=1", "STATUS=draining");
  }

  /** Another process, which serves already, is the program from now on. */
  succeededBy(pid: number): void {
    this.#tell(`MAINPID=${pid}`, "READY=1");
    this.close();
  }

  close(): void {
    if (this.#watchdog !== null) clearInterval(this.#watchdog);
    this.#watchdog = null;
  }

  #tell(...lines: readonly string[]): void {
    if (this.#path === null) return;
    try {
      notifyService(this.#path, lines);
    } catch (error) {
      if (!this.#warned) this.#warn(`the service manager cannot be told (${lines[0]}): ${messageOf(error)}`);
      this.#warned = true;
    }
  }
}

/** The environment for a process that is to become the main one: what names this one is left out. */
export function successorEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { WATCHDOG_PID: _, ...rest } = environment;
  return rest;
}
