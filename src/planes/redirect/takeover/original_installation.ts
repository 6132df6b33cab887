/** All that an installation of the original redirector holds, wherever it was read from. */
import type { Pending } from "../../../core/redirect/changes/pending.ts";
import type { ListAction } from "../../../core/redirect/documents/list_changes.ts";
import type { NamedListSet } from "../../../core/redirect/documents/named_lists.ts";
import type { RedirectSettings, TestCase } from "../../../core/redirect/documents/service_documents.ts";
import type { WhitelistUpdate } from "../../../core/redirect/documents/whitelist.ts";
import type { RedirectModel } from "../../../core/redirect/model.ts";

export interface OriginalApplication {
  readonly name: string;
  /** Null: nothing of a model is there. */
  readonly model: RedirectModel | null;
  readonly version: number;
  readonly pending: Pending;
  /** Of an import of what was edited offline; null = there was none. */
  readonly offline: Pending | null;
  readonly tests: readonly TestCase[];
  /** By path of a stack. */
  readonly comments: Readonly<Record<string, string>>;
  readonly whitelist_updates: readonly WhitelistUpdate[];
  /** How often gateways were told to take the hosts of a static application anew. */
  readonly reload_version: number;
}

export interface OriginalInstallation {
  readonly applications: readonly OriginalApplication[];
  readonly lists: NamedListSet;
  /** Of an import of what was edited offline. */
  readonly list_actions: readonly ListAction[];
  /** Null: nobody has set any. */
  readonly settings: RedirectSettings | null;
  /** Sentences about what cannot be read, and is left out. */
  readonly problems: readonly string[];
  /** Sentences about what was passed over without harm. */
  readonly warnings: readonly string[];
}

/** An application of which only its model is known. */
export function applicationOf(
  name: string,
  known: { readonly model: RedirectModel; readonly version: number } | null,
): OriginalApplication {
  return {
    name,
    model: known?.model ?? null,
    version: known?.version ?? 0,
    pending: [],
    offline: null,
    tests: [],
    comments: {},
    whitelist_updates: [],
    reload_version: 0,
  };
}
