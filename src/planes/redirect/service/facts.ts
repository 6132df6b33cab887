/** What the management service gets of the program that it runs in. */
import type { Decider } from "../../../core/redirect/decider.ts";
import type { StackHosts } from "../../../core/redirect/hosts.ts";
import type { NamedList, RedirectModel } from "../../../core/redirect/model.ts";
import type { Clock } from "../../../platform/clock.ts";
import type { KnownGood } from "../last_known_good/content.ts";
import type { SessionTrace, TraceQuestion } from "../gateway/session_traces.ts";
import type { Login } from "./access/oidc/login.ts";
import type { Store } from "../../../store/contract.ts";

export interface ServiceFacts {
  readonly clock: Clock;
  /** Null while it could not be opened. */
  store(): Store | null;
  /** Bytes of the largest model, and of all lists together. */
  readonly max_model_bytes: number;
  /** So many revisions of each application are kept, and of the lists. */
  readonly max_revisions: number;
  /** Authors may approve their own changes. */
  readonly self_approval: boolean;
  /** Applications that have hosts, or stand in the configuration. */
  applications(): readonly string[];
  /** The hosts that decisions of an application use. */
  stacks(app: string): readonly StackHosts[];
  /** What acts in the gateway beside the service, for times at which the store cannot be asked; null = there is none. */
  known(): KnownGood | null;
  /** Path in the store below which hosts register: `/services`. */
  readonly services_root: string;
  /** The original's semantics act. */
  isCompat(app: string): boolean;
  /** The engine of an application with this model and these lists, and the hosts of now. */
  decider(app: string, model: RedirectModel, lists: readonly NamedList[]): Promise<Decider>;
  /** Logins by browser; null where there are none. */
  login(): Login | null;
  /** What became of requests that asked to be traced; null where none is. */
  traces(question: Omit<TraceQuestion, "newest">): Promise<readonly SessionTrace[] | null>;
  report(event: {
    readonly event: string;
    readonly level: "info" | "warning" | "error";
    readonly text: string;
    readonly fields?: Readonly<Record<string, unknown>>;
  }): void;
}
