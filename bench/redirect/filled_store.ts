/** The store of a Fairlead that runs, filled as services and hosts do it. */
import { writeRegistration } from "../../src/planes/redirect/discovery/registration.ts";
import { LISTS, listsBytes, modelBytes, modelPath } from "../../src/planes/redirect/models/stored.ts";
import type { NamedList, RedirectModel } from "../../src/core/redirect/model.ts";
import type { StackHosts } from "../../src/core/redirect/hosts.ts";
import type { Store } from "../../src/store/contract.ts";
import { LargeDocuments } from "../../src/store/large_documents.ts";
import { openStore, storeEnvironment } from "../../test/support/store_tools.ts";
import { APP } from "./models.ts";

const MAX_BYTES = 256 * 1_024 * 1_024;

export class FilledStore {
  readonly #store: Store;
  readonly #documents: LargeDocuments;

  constructor(stateDirectory: string) {
    this.#store = openStore("sqlite", {}, storeEnvironment(stateDirectory));
    this.#documents = new LargeDocuments(this.#store, MAX_BYTES);
  }

  async register(stacks: readonly StackHosts[]): Promise<void> {
    for (const { stack, flavor, hosts } of stacks)
      for (const { ipv4, weight } of hosts) {
        const payload = writeRegistration({
          application: APP,
          address: ipv4!,
          port: 8_080,
          ipv4,
          ipv6: null,
          weight,
          worker_id: crypto.randomUUID(),
          registered_at_ms: Date.now(),
        });
        await this.#store.register(`/services${stack}/${flavor}/${APP}/${ipv4}:8080`, payload);
      }
  }

  async writeModel(version: number, model: RedirectModel): Promise<void> {
    await this.#documents.write(modelPath(APP), modelBytes({ version, model }));
  }

  async writeList(version: number, list: NamedList): Promise<void> {
    await this.#documents.write(LISTS, listsBytes({ version, lists: [list] }));
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}
