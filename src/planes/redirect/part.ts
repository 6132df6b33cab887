/** The control side of the redirector, as a part of the supervisor. */
import type { Plan } from "../../core/plan.ts";
import { NOTHING_CHANGED } from "../../core/snapshot.ts";
import type { Follower, RedirectHost, RedirectPartOptions, RedirectStatus } from "./follower.ts";

export class RedirectPart {
  readonly #host: RedirectHost;
  readonly #options: RedirectPartOptions;
  #follower: Follower | null = null;
  readonly commands = {
    redirect: () => Promise.resolve(this.#answer(this.status())),
    redirect_explain: (request: unknown) => Promise.resolve(this.#explain(request)),
  };

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
    if (redirect === null) before?.forgetLists();
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

  #answer(found: object | null): object {
    return found === null
      ? { ok: false, error: "the configuration has no section redirect" }
      : { ok: true, ...found };
  }

  #explain(request: unknown): object {
    const follower = this.#follower;
    const { app, parameters } = request as { app?: unknown; parameters?: unknown };
    if (follower === null || typeof app !== "string") return this.#answer(null);
    const found = follower.explain(app, textsOf(parameters));
    return found === null ? { ok: false, error: `${app}: no model is known` } : this.#answer(found);
  }

  async stop(): Promise<void> {
    const before = this.#follower;
    this.#follower = null;
    await before?.close();
  }
}

/** What of a request can be parameters. */
function textsOf(given: unknown): Record<string, string> {
  const entries = typeof given === "object" && given !== null ? Object.entries(given) : [];
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}
