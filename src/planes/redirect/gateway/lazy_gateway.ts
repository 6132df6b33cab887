/** The gateway of a worker, loaded with the first plan that needs it: most workers never do. */
import type { Step } from "../../../net/exchange.ts";
import type { GatewayParts, GatewayWorker } from "./gateway_worker.ts";

type Documents = Readonly<Record<string, unknown>>;

export class LazyGateway {
  readonly #parts: GatewayParts;
  #worker: GatewayWorker | null = null;

  constructor(parts: GatewayParts) {
    this.#parts = parts;
  }

  /** The step for requests without a body, or with one. The plan that has it comes before the documents. */
  step(takesBody: boolean): Step {
    if (this.#worker === null) {
      const module = require("./gateway_worker.ts") as typeof import("./gateway_worker.ts");
      this.#worker = new module.GatewayWorker(this.#parts);
    }
    return this.#worker.gateway.step(takesBody);
  }

  documents(all: Documents): void {
    this.#worker?.documents(all);
  }

  changed(documents: Documents): void {
    this.#worker?.changed(documents);
  }
}
