/** The gateway of a worker, loaded with the first plan that needs it: most workers never do. */
import type { Step } from "../../../net/exchange.ts";
import type { DeciderParts } from "./app_decider.ts";
import type { GatewayWorker } from "./gateway_worker.ts";

type Documents = Readonly<Record<string, unknown>>;

export class LazyGateway {
  readonly #parts: DeciderParts;
  readonly #shared = new Map<string, Uint8Array<ArrayBuffer>>();
  #worker: GatewayWorker | null = null;

  constructor(parts: DeciderParts) {
    this.#parts = parts;
  }

  /** The step for requests without a body, or with one. The plan that has it comes before the documents. */
  step(takesBody: boolean): Step {
    if (this.#worker === null) {
      const module = require("./gateway_worker.ts") as typeof import("./gateway_worker.ts");
      this.#worker = new module.GatewayWorker(this.#parts, this.#shared);
    }
    return this.#worker.gateway.step(takesBody);
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
}
