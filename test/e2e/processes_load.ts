/** Clients that ask over kept-alive connections without a pause, until they are stopped. */
import { rawClient, type RawClient } from "../support/raw_client.ts";

const LIMIT_MS = 20_000;

export interface Outcome {
  readonly status: number;
  readonly body: string;
}

export class KeepAliveLoad {
  /** Answers by `status body`, and failures in words. */
  readonly outcomes = new Map<string, number>();
  /** Connections that were opened: one per client, and one more for each that the server ended. */
  connections = 0;
  #running = true;
  readonly #clients: Promise<void[]>;

  /** `pauseMs`: each client rests so long after an answer. */
  constructor(port: number, clients = 8, target = "/", pauseMs = 0) {
    this.#clients = Promise.all(Array.from({ length: clients }, () => this.#client(port, target, pauseMs)));
  }

  async #client(port: number, target: string, pauseMs: number): Promise<void> {
    const request = `GET ${target} HTTP/1.1\r\nHost: load.example\r\n\r\n`;
    let client: RawClient | null = null;
    while (this.#running) {
      try {
        if (client === null) {
          client = await rawClient(port);
          this.connections++;
        }
        const answer = await client.ask(request);
        this.#count(`${answer.status} ${answer.body.toString()}`);
        if (pauseMs > 0) await Bun.sleep(pauseMs);
        // The server says that it ends the connection: the client must not use it again.
        if (answer.get("connection")?.toLowerCase() === "close") {
          client.close();
          client = null;
        }
      } catch (error) {
        this.#count(error instanceof Error ? error.message : String(error));
        client?.close();
        client = null;
      }
    }
    client?.close();
  }

  #count(outcome: string): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
  }

  count(outcome: string): number {
    return this.outcomes.get(outcome) ?? 0;
  }

  /** Waits until `outcome` came `more` further times. */
  async until(outcome: string, more = 50): Promise<void> {
    const end = performance.now() + LIMIT_MS;
    for (const wanted = this.count(outcome) + more; this.count(outcome) < wanted; await Bun.sleep(2))
      if (performance.now() > end) throw new Error(`not "${outcome}": ${JSON.stringify([...this.outcomes])}`);
  }

  /** Ends the clients and returns how often each outcome came. */
  async stop(): Promise<Record<string, number>> {
    this.#running = false;
    await this.#clients;
    return Object.fromEntries(this.outcomes);
  }
}
