/** The control side of the redirector, as a part of the supervisor. */
import type { Plan } from "../../core/plan.ts";
import { NOTHING_CHANGED } from "../../core/snapshot.ts";
import type { Follower, RedirectHost, RedirectPartOptions, RedirectStatus } from "./follower.ts";

export class RedirectPart {
  readonly #host: RedirectHost;
  readonly #options: RedirectPartOptions;
  #follower: Follower | null = null;

  constructor(host: RedirectHost, options: RedirectPartOptions) {
    this.#host = host;
    this.#options = options;
  }

  async planChanged({ redirect }: Plan): Promise<void> {
    const before = this.#follower;
    if (JSON.stringify(redirect) === JSON.stringify(before?.plan ?? null)) return;
    this.#follower = null;
    await before?.close();
    if (redirect !== null) {
      // Loaded by those who want it: it brings stores along.
      const { Follower } = await import("./follower.ts");
      const follower = new Follower(redirect, this.#host, this.#options);
      this.#follower = follower;
      await follower.start(before);
    }
    this.#publishAll();
  }

  /** Also what is gone. */
  #publishAll(): void {
    const wanted = this.#follower?.documents() ?? {};
    const names = Object.keys(this.#host.snapshot().documents).filter((name) => name.startsWith("redirect/"));
    const gone = Object.fromEntries(names.map((name) => [name, null]));
    this.#host.publish({ ...NOTHING_CHANGED, documents: { ...gone, ...wanted } });
  }

  /** Null without the section. */
  status(): RedirectStatus | null {
    return this.#follower?.status() ?? null;
  }

  async stop(): Promise<void> {
    const before = this.#follower;
    this.#follower = null;
    await before?.close();
  }
}
