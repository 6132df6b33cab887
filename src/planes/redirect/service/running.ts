/** The management service in a program that runs: it asks whatever configuration is at work. */
import type { RedirectServicePlan } from "../../../core/plan.ts";
import type { MountedService } from "../../../core/mounted_service.ts";
import { DEFAULT_WATCH } from "../discovery/service_watch.ts";
import type { Follower, RedirectHost, RedirectPartOptions } from "../follower.ts";
import type { RolloutWriter } from "../rollouts/writer.ts";
import type { ServiceAuthenticator } from "./access/authenticator.ts";
import type { ServiceFacts } from "./facts.ts";
import { MountedRedirectService } from "./mounted.ts";
import { ServiceError } from "./service_error.ts";

export class RunningService {
  readonly mounted: MountedService;
  /** Takes steps of rollouts. */
  readonly rollouts: RolloutWriter;
  readonly #host: RedirectHost;
  readonly #options: RedirectPartOptions;
  readonly #follower: () => Follower | null;
  readonly #traces: ServiceFacts["traces"];
  #authenticator: ServiceAuthenticator | null = null;

  /** `follower` gives null while there is no section. */
  constructor(
    host: RedirectHost,
    options: RedirectPartOptions,
    follower: () => Follower | null,
    traces: ServiceFacts["traces"],
  ) {
    this.#traces = traces;
    this.#host = host;
    this.#options = options;
    this.#follower = follower;
    const facts = this.#facts();
    this.mounted = new MountedRedirectService(facts, () => this.#openAuthenticator());
    this.rollouts = {
      async setStep(...change) {
        // Most programs have no rollouts.
        const { ServiceRolloutWriter } = await import("./rollout_writer.ts");
        await new ServiceRolloutWriter(facts).setStep(...change);
      },
    };
  }

  async planChanged(plan: RedirectServicePlan): Promise<void> {
    if (this.#authenticator === null) this.#authenticator = await this.#options.authenticator(plan);
    else this.#authenticator.use(plan);
  }

  #openAuthenticator(): ServiceAuthenticator {
    if (this.#authenticator === null) throw new ServiceError(503, "the service is not ready yet");
    return this.#authenticator;
  }

  #acting(): Follower {
    const follower = this.#follower();
    if (follower !== null) return follower;
    throw new ServiceError(503, "the service is not ready: its configuration is changing", {
      fields: "Retry-After: 1\r\n",
    });
  }

  #facts(): ServiceFacts {
    const acting = (): Follower => this.#acting();
    return {
      clock: this.#options.clock,
      store: () => acting().store,
      get max_model_bytes() {
        return acting().plan.max_model_bytes;
      },
      get max_revisions() {
        return acting().plan.service.revisions;
      },
      get self_approval() {
        return acting().plan.service.self_approval;
      },
      applications: () => acting().applications,
      stacks: (app) => acting().stacksOf(app),
      known: () => acting().known,
      services_root: DEFAULT_WATCH.root,
      isCompat: (app) => acting().isCompat(app),
      decider: (app, model, lists) => acting().deciderWith(app, model, lists),
      traces: (question) => this.#traces(question),
      login: () => this.#openAuthenticator().login,
      report: (event) => this.#host.report(event),
    };
  }

  close(): void {
    this.#authenticator?.close();
    this.#authenticator = null;
  }
}
