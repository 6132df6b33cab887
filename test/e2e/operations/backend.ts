/** A backend process that can be killed, frozen and started again on its port. */
import { join } from "node:path";
import type { BackendCounts, FromBackend } from "./messages.ts";

const MAIN = join(import.meta.dir, "backend_main.ts");
const NOTHING: BackendCounts = { gets: 0, posts: 0, wrongBodies: 0 };

export class Backend {
  readonly id: string;
  port = 0;
  #child: Bun.Subprocess | null = null;
  #counts = Promise.withResolvers<BackendCounts>();

  constructor(id: string) {
    this.id = id;
  }

  /** Starts the process, on the same port as before. */
  async start(): Promise<void> {
    const listening = Promise.withResolvers<number>();
    this.#child = Bun.spawn([process.execPath, MAIN, String(this.port)], {
      stdio: ["ignore", "inherit", "inherit"],
      ipc: (message: FromBackend) => {
        if (message.type === "listening") listening.resolve(message.port);
        else this.#counts.resolve(message);
      },
      onExit: (_, code, signal) => {
        const error = new Error(`backend ${this.id} ended: ${signal ?? code}`);
        listening.reject(error);
        this.#counts.resolve(NOTHING);
      },
    });
    this.#counts = Promise.withResolvers();
    this.port = await listening.promise;
  }

  /** What the process that lives has seen. */
  async counts(): Promise<BackendCounts> {
    this.#child?.send("count");
    return this.#counts.promise;
  }

  /** SIGSTOP: its kernel still takes connections and bytes. */
  freeze(): void {
    this.#child?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child?.kill("SIGCONT");
  }

  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.exited;
    this.#child = null;
  }
}
