/** The gateway of a worker, loaded with the first plan that needs it: most workers never do. */
import type { Step } from "../../../net/exchange.ts";
import type { GatewayWorker, GatewayWorkerOptions } from "./gateway_worker.ts";

type Documents = Readonly<Record<string, unknown>>;

export class LazyGateway {
  readonly #options: GatewayWorkerOptions;
  #worker: GatewayWorker | null = null;

  constructor(options: GatewayWorkerOptions) {
    this.#options = options;
  }

  /** The step for requests without a body, or with one. The plan that has it comes before the documents. */
  step(takesBody: boolean): Step {
    if (this.#worker === null) {
      const module = require("./gateway_worker.ts") as typeof import("./gateway_worker.ts");
      this.#worker = new module.GatewayWorker(this.#options);
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
