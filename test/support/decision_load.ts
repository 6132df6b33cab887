/** Clients that ask a gateway for decisions over and over, and look at each answer. */
import { request, Agent } from "node:http";

export interface DecisionLoadOptions {
  readonly port: () => number;
  readonly target: string;
  /** Where clients may be sent at this moment. */
  readonly allowed: () => ReadonlySet<string>;
  /** Each has a connection of its own, which it keeps. */
  readonly clients?: number;
  /** Of all clients together. */
  readonly per_second?: number;
}

export interface DecisionCounts {
  readonly asked: number;
  /** No answer, or another one than a redirect. */
  readonly failed: number;
  /** Sent to where nobody may be sent. */
  readonly wrong: number;
  /** The first few failed and wrong answers, in words. */
  readonly examples: readonly string[];
  /** The longest that an answer took. */
  readonly slowest_ms: number;
}

const CLIENTS = 4;
const PER_SECOND = 400;
const ANSWER_MS = 5_000;
const MOST_EXAMPLES = 5;

export class DecisionLoad {
  readonly #options: DecisionLoadOptions;
  readonly #clients: Promise<void>[];
  readonly #examples: string[] = [];
  #asked = 0;
  #failed = 0;
  #wrong = 0;
  #slowestMs = 0;
  #ended = false;

  /** Begins to ask. `stop` it in the end. */
  constructor(options: DecisionLoadOptions) {
    this.#options = options;
    const { clients = CLIENTS, per_second = PER_SECOND } = options;
    const everyMs = (1_000 * clients) / per_second;
    this.#clients = Array.from({ length: clients }, () => this.#client(everyMs));
  }

  async #client(everyMs: number): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    let next = performance.now();
    while (!this.#ended) {
      await this.#askOnce(agent);
      // What an answer took too long is not made up for later.
      next = Math.max(next + everyMs, performance.now());
      await Bun.sleep(next - performance.now());
    }
    agent.destroy();
  }

  async #askOnce(agent: Agent): Promise<void> {
    const start = performance.now();
    // What was allowed when it was asked may be answered, too.
    const before = this.#options.allowed();
    this.#asked++;
    try {
      const { status, location } = await askAt(agent, this.#options.port(), this.#options.target);
      if (status !== 302) this.#fail(`answered ${status}`);
      else if (!before.has(location) && !this.#options.allowed().has(location)) {
        this.#wrong++;
        this.#remember(`sent to ${location}`);
      }
    } catch (error) {
      this.#fail(String(error));
    }
    this.#slowestMs = Math.max(this.#slowestMs, performance.now() - start);
  }

  #fail(text: string): void {
    this.#failed++;
    this.#remember(text);
  }

  #remember(text: string): void {
    if (this.#examples.length < MOST_EXAMPLES) this.#examples.push(text);
  }

  async stop(): Promise<DecisionCounts> {
    this.#ended = true;
    await Promise.all(this.#clients);
    return {
      asked: this.#asked,
      failed: this.#failed,
      wrong: this.#wrong,
      examples: this.#examples,
      slowest_ms: Math.round(this.#slowestMs),
    };
  }
}

function askAt(agent: Agent, port: number, path: string): Promise<{ status: number; location: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; location: string }>();
  const asked = request({ host: "127.0.0.1", port, path, agent, timeout: ANSWER_MS }, (answer) => {
    answer.resume();
    answer.on("end", () =>
      resolve({ status: answer.statusCode ?? 0, location: answer.headers.location ?? "" }),
    );
    answer.on("error", reject);
  });
  asked.on("timeout", () => asked.destroy(new Error(`no answer in ${ANSWER_MS} ms`)));
  asked.on("error", reject);
  asked.end();
  return promise;
}
