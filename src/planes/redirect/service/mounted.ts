/** The management service at the addresses for operators: loaded with the first request for it, as most programs never get one. */
import type { Admission, MountedHead, MountedService } from "../../../core/mounted_service.ts";
import type { Authenticator } from "./access/principal.ts";
import type { ServiceFacts } from "./facts.ts";
import { SERVICE_PREFIXES } from "./prefixes.ts";

export class MountedRedirectService implements MountedService {
  readonly prefixes = SERVICE_PREFIXES;
  readonly #facts: ServiceFacts;
  readonly #authenticator: () => Authenticator;
  #loading: Promise<MountedService> | null = null;

  constructor(facts: ServiceFacts, authenticator: () => Authenticator) {
    this.#facts = facts;
    this.#authenticator = authenticator;
  }

  async admit(head: MountedHead): Promise<Admission> {
    this.#loading ??= this.#load();
    return (await this.#loading).admit(head);
  }

  async #load(): Promise<MountedService> {
    const [{ ServiceApi }, { Service }, { endpoints }] = await Promise.all([
      import("./http/api.ts"),
      import("./service.ts"),
      import("./endpoints/all.ts"),
    ]);
    return new ServiceApi(new Service(this.#facts), this.#authenticator, endpoints);
  }
}
