/** The control side of the redirector, as a part of the supervisor. */
import type { Plan } from "../../core/plan.ts";
import { NOTHING_CHANGED } from "../../core/snapshot.ts";
import type { SupervisorMetrics } from "../../observe/supervisor_metrics.ts";
import type { Follower, RedirectHost, RedirectPartOptions, RedirectStatus } from "./follower.ts";
import type { GatewayAnswer, GatewayMessage, GatewayQuestion } from "./gateway/published.ts";
import { joinTraces, type SessionTrace, type TraceQuestion } from "./gateway/session_traces.ts";
import { RedirectMetrics } from "./redirect_metrics.ts";

/** How often the gauges are brought to how things stand. */
const MEASURE_EVERY_MS = 1_000;
/** By which the other half in the workers tells something. */
const PART_NAME = "redirect";
/** So many traces are told at once. */
const MOST_TRACES = 100;

/** What is needed of the supervisor beside what a follower needs. */
export interface RedirectPartHost extends RedirectHost {
  askWorkers(part: string, question: unknown): Promise<readonly unknown[]>;
}

export class RedirectPart {
  readonly #host: RedirectPartHost;
  readonly #options: RedirectPartOptions;
  readonly #metrics: RedirectMetrics;
  #follower: Follower | null = null;
  #endMeasuring: (() => void) | null = null;
  readonly commands = {
    redirect: () => Promise.resolve(this.#answer(this.status())),
    redirect_explain: (request: unknown) => Promise.resolve(this.#explain(request)),
    redirect_traces: (request: unknown) => this.#answerTraces(request),
  };

  constructor(
    host: RedirectPartHost,
    options: RedirectPartOptions & { readonly metrics: SupervisorMetrics },
  ) {
    this.#metrics = new RedirectMetrics(options.metrics);
    this.#host = {
      snapshot: () => host.snapshot(),
      publish: (delta) => host.publish(delta),
      askWorkers: (part, question) => host.askWorkers(part, question),
      report: (event) => {
        this.#metrics.reported(event);
        host.report(event);
      },
    };
    this.#options = options;
  }

  told(part: string, message: unknown): void {
    if (part !== PART_NAME) return;
    const { counted } = message as GatewayMessage;
    if (counted !== undefined) this.#metrics.counted(counted);
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
    this.#measure();
  }

  #measure(): void {
    this.#metrics.measure(this.status());
    if (this.#follower === null) {
      this.#endMeasuring?.();
      this.#endMeasuring = null;
    } else {
      this.#endMeasuring ??= this.#options.clock.every(MEASURE_EVERY_MS, () => this.#measure());
    }
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

  /** What became of requests that asked to be traced, newest first; null where nothing is traced. */
  async traces(question: Omit<TraceQuestion, "newest">): Promise<SessionTrace[] | null> {
    const kept = this.#follower?.plan.session_traces ?? null;
    if (kept === null) return null;
    const asked: GatewayQuestion = { traces: { ...question, newest: MOST_TRACES } };
    return joinTraces((await this.#host.askWorkers(PART_NAME, asked)) as GatewayAnswer[], MOST_TRACES);
  }

  async #answerTraces(request: unknown): Promise<object> {
    if (this.#follower === null) return this.#answer(null);
    const { app, id, clear } = request as Readonly<Record<string, unknown>>;
    const textOf = (value: unknown): string | null => (typeof value === "string" ? value : null);
    const sessions = await this.traces({ app: textOf(app), id: textOf(id), clear: clear === true });
    return sessions === null
      ? { ok: false, error: "requests are not traced; the setting redirect.session_traces does that" }
      : { ok: true, sessions };
  }

  async stop(): Promise<void> {
    this.#endMeasuring?.();
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
