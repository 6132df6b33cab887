/** What the control side of the plane gives to the workers: documents of the snapshot, by these names. */
import type { StackHosts } from "../../../core/redirect/hosts.ts";
import type { ListName } from "../../../core/redirect/named_lists.ts";
import type { NamedList, RedirectModel } from "../../../core/redirect/model.ts";
import type { FeedbackSettings } from "../feedback/app_feedback.ts";
import type { FeedbackReport } from "../feedback/reports.ts";
import type { AnswerOptions } from "./answers.ts";
import type { CountedRow } from "./gateway_counts.ts";
import type { SessionTrace, TraceQuestion } from "./session_traces.ts";

export const GATEWAY_DOCUMENT = "redirect/gateway";
export const LISTS_DOCUMENT = "redirect/lists";
const APP_PREFIX = "redirect/app/";
const HOSTS_PREFIX = "redirect/hosts/";
export const PART_PREFIX = "redirect/part/";
const UNHEALTHY_PREFIX = "redirect/unhealthy/";

export const appDocument = (app: string): string => APP_PREFIX + app;
export const hostsDocument = (app: string): string => HOSTS_PREFIX + app;
export const unhealthyDocument = (app: string): string => UNHEALTHY_PREFIX + app;

/** What holds for all applications. */
export interface PublishedGateway {
  /** Networks whose clients may send a parameter, by its name. */
  readonly trusted_from: Readonly<Record<string, readonly string[]>>;
  /** How many traced sessions a worker keeps; null = requests are not traced. */
  readonly session_traces: { readonly sessions: number } | null;
}

/** Names of documents with rules, in order. */
export interface PublishedParts {
  readonly rules: readonly string[];
  readonly url_rules: readonly string[];
}

export interface PublishedApp {
  readonly version: number;
  /** Null while none is known. */
  readonly model: RedirectModel | null;
  /** Where its rules are, when they are not in it. */
  readonly parts?: PublishedParts | null;
  readonly options: PublishedOptions;
}

export interface PublishedOptions extends AnswerOptions {
  readonly compat: boolean;
  readonly sticky_parameters: readonly string[];
  /** Names of strategies. */
  readonly strategy: string;
  /** A strategy that goes by keys, or null. */
  readonly affinity: string | null;
  readonly spill_over: { readonly datacenter: string; readonly min_hosts: number } | null;
  /** Clients may say how they fared; null = they may not. */
  readonly feedback: FeedbackSettings | null;
}

/** As a whole, or where their table lies in memory that workers share. */
export type PublishedLists =
  readonly NamedList[] | { readonly names: readonly ListName[]; readonly memory: string };
export type PublishedHosts = readonly StackHosts[];
/** Keys of hosts whose checks fail. */
export type PublishedUnhealthy = readonly string[];

/** What the gateway of a worker tells the control side. */
export interface GatewayMessage {
  readonly counted?: readonly CountedRow[];
  readonly feedback?: FeedbackReport;
}

/** What the control side asks the gateway of each worker, and what that answers. */
export interface GatewayQuestion {
  readonly traces: TraceQuestion;
}
export type GatewayAnswer = readonly SessionTrace[];

/** The application that a document with `prefix` is about, or null. */
export function appOf(document: string): string | null {
  for (const prefix of [APP_PREFIX, HOSTS_PREFIX, UNHEALTHY_PREFIX])
    if (document.startsWith(prefix)) return document.slice(prefix.length);
  return null;
}
