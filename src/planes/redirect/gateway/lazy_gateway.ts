/** The gateway of a worker, loaded with the first plan that needs it: most workers never do. */
import type { Step } from "../../../net/exchange.ts";
import type { GatewayHost } from "./gateway.ts";
import type { GatewayParts, GatewayWorker } from "./gateway_worker.ts";
import type { GatewayAnswer, GatewayQuestion } from "./published.ts";

type Documents = Readonly<Record<string, unknown>>;

/** What a worker has counted comes to the control side at the latest after this time. */
const TELL_AFTER_MS = 1_000;

export class LazyGateway {
  readonly name = "redirect";
  readonly #parts: GatewayParts;
  readonly #shared = new Map<string, Uint8Array<ArrayBuffer>>();
  #worker: GatewayWorker | null = null;
  #endWait: (() => void) | null = null;

  constructor(parts: GatewayParts) {
    this.#parts = parts;
  }

  /** The step for requests without a body, or with one. The plan that has it comes before the documents. */
  step(takesBody: boolean): Step {
    this.#worker ??= this.#load();
    return this.#worker.gateway.step(takesBody);
  }

  #load(): GatewayWorker {
    const module = require("./gateway_worker.ts") as typeof import("./gateway_worker.ts");
    const { clock } = this.#parts;
    const host: GatewayHost = {
      wall: () => clock.wall(),
      later: (run) => void setImmediate(run),
      after(ms, run) {
        const end = clock.every(ms, () => {
          end();
          run();
        });
        return end;
      },
    };
    const worker = new module.GatewayWorker(this.#parts, host, this.#shared);
    worker.gateway.counts.onFirst = () => {
      this.#endWait ??= this.#parts.clock.every(TELL_AFTER_MS, () => this.#tell());
    };
    return worker;
  }

  #tell(): void {
    this.#endWait?.();
    this.#endWait = null;
    const counted = this.#worker?.gateway.counts.take() ?? [];
    if (counted.length > 0) this.#parts.tell({ counted });
  }

  shared(name: string, bytes: Uint8Array<ArrayBuffer> | null): void {
    if (bytes === null) this.#shared.delete(name);
    else this.#shared.set(name, bytes);
  }

  documents(all: Documents): void {
    this.#worker?.documents(all);
  }

  changed(documents: Documents): void {
    this.#worker?.changed(documents);
  }

  answer(question: unknown): GatewayAnswer | null {
    return this.#worker?.gateway.traces?.find((question as GatewayQuestion).traces) ?? null;
  }

  drain(): void {
    this.#worker?.gateway.drain();
  }

  /** Tells what has not been told yet. */
  end(): void {
    this.#tell();
  }
}
