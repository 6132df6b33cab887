/** What all parts of one run of the bench share. */
import type { Backends } from "./backends.ts";
import type { Options } from "./options.ts";
import type { PeerSettings } from "./running_peer.ts";
import type { Workplace } from "./workplace.ts";

export type Say = (text: string) => void;

export interface Context {
  readonly options: Options;
  readonly settings: PeerSettings;
  readonly backends: Backends;
  readonly workplace: Workplace;
  /** Prints a line of progress. */
  readonly say: Say;
}
