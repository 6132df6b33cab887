/** Whether a whole model can serve: what a gateway asks before it takes one, and the service before it approves one. */
import type { StackHosts } from "../hosts.ts";
import type { RedirectModel, Server } from "../model.ts";
import { PARTS } from "./url_params.ts";
import { isLiteralUrl } from "./servers.ts";

/** The original's codes, and one of ours for what it answers with 406. */
export const ACCEPTANCE_CODES = {
  SUCCESS: "The model can redirect.",
  REQUIRED_MODEL_NULL: "There is no model, or its flavor rules or its URL rules are missing as a whole.",
  REQUIRED_MODEL_INVALID: "The model has no default server, or its default URL parameters are not complete.",
  CANT_REDIRECT_TO_DEFAULT: "The default server has no host that may be chosen.",
  NOT_ENOUGH_HOSTS_FOR_DEFAULT:
    "Default server and distribution together have fewer hosts than the settings demand.",
  SETTINGS_MISSING: "There are no settings that say how many hosts a model needs.",
} as const;

export type AcceptanceCode = keyof typeof ACCEPTANCE_CODES;

export interface Acceptance {
  readonly code: AcceptanceCode;
  readonly message: string;
}

/**
 * Whether `model` can redirect with the hosts of its application. `minHosts` is how many different hosts the default server and
 * all shares must have together. A default server with a literal URL needs no hosts.
 */
export function acceptance(
  model: RedirectModel | null,
  stacks: readonly StackHosts[],
  minHosts: number,
): Acceptance {
  if (model === null) return { code: "REQUIRED_MODEL_NULL", message: "there is no model" };
  const missing = missingPart(model);
  if (missing !== null) return missing;
  const server = model.default_server!;
  if (server.path === null) return literalAcceptance(server);
  if (hostsOf(server, model, stacks).size === 0) {
    const message = `no host may be chosen for the default server at ${JSON.stringify(server.path)}`;
    return { code: "CANT_REDIRECT_TO_DEFAULT", message };
  }
  const hosts = new Set(
    [server, ...model.distribution.map((share) => share.server)].flatMap((each) => [
      ...hostsOf(each, model, stacks),
    ]),
  );
  if (hosts.size >= minHosts) return SUCCESS;
  const message = `default server and distribution have ${hosts.size} hosts; expected at least ${minHosts}`;
  return { code: "NOT_ENOUGH_HOSTS_FOR_DEFAULT", message };
}

const SUCCESS: Acceptance = { code: "SUCCESS", message: "the model can redirect" };

/** A document that is not there is another matter than one that is not complete. */
function missingPart({ default_server, default_url, ...model }: RedirectModel): Acceptance | null {
  if (default_server === null) {
    const isNothing = model.rules.length === 0 && model.distribution.length === 0;
    return { code: codeOfMissing(isNothing), message: "the model has no default server" };
  }
  if (default_url === null) {
    const isNothing = model.url_rules.length === 0;
    return { code: codeOfMissing(isNothing), message: "the model has no default URL parameters" };
  }
  const open = PARTS.filter((part) => !isFilled(default_url[part]));
  if (open.length === 0) return null;
  const message = `the default URL parameters have no ${open.join(", ")}`;
  return { code: "REQUIRED_MODEL_INVALID", message };
}

function codeOfMissing(isNothing: boolean): AcceptanceCode {
  return isNothing ? "REQUIRED_MODEL_NULL" : "REQUIRED_MODEL_INVALID";
}

function isFilled(value: string | number | null): boolean {
  return typeof value === "string" ? value.trim() !== "" : value !== null && value > 0;
}

function literalAcceptance({ url }: Server): Acceptance {
  if (isLiteralUrl(url)) return SUCCESS;
  const message = `the default server has the URL ${JSON.stringify(url)}, which leads nowhere`;
  return { code: "CANT_REDIRECT_TO_DEFAULT", message };
}

/** Addresses of the hosts that may be chosen for `server`: one that is registered for two flavors is one host. */
function hostsOf(
  { path, not_whitelisted }: Server,
  { whitelist }: RedirectModel,
  stacks: readonly StackHosts[],
): Set<string> {
  const isStack = path?.includes("/") ?? false;
  return new Set(
    stacks
      .filter(({ stack, flavor }) => (isStack ? `${stack}/${flavor}` : flavor) === path)
      .filter(({ stack }) => whitelist.includes(stack) !== not_whitelisted)
      .flatMap(({ hosts }) => hosts)
      .filter(({ weight }) => weight > 0)
      .map(({ ipv4, ipv6 }) => `${ipv4 ?? ""} ${ipv6 ?? ""}`),
  );
}

/** Kinds of pending changes: those of the original's pending document, and rollouts. */
export type ChangeKind =
  | "rule"
  | "rule_template"
  | "url_rule"
  | "url_rule_template"
  | "url_params"
  | "server"
  | "distribution"
  | "whitelist"
  | "rollout";

export interface Approval {
  /** What gateways decide by; null before the first approval. */
  readonly current: RedirectModel | null;
  /** The model after the approval. */
  readonly next: RedirectModel;
  /** One entry for each pending change of the application, those that are approved among them. */
  readonly pending: readonly ChangeKind[];
  /** One entry for each change that is approved. */
  readonly approved: readonly ChangeKind[];
  readonly stacks: readonly StackHosts[];
  /** Null = there are no settings. */
  readonly min_hosts: number | null;
}

export interface ApprovalVerdict extends Acceptance {
  readonly allowed: boolean;
  /**
   * Why it is allowed though the next model cannot redirect. `bootstrap`: neither can the current one, and nothing but the
   * whitelist or one change of URL parameters is pending. `whitelist_only`: nothing but the whitelist is approved, and the default
   * server has no host today.
   */
  readonly exception: "bootstrap" | "whitelist_only" | null;
}

export function approvalVerdict(approval: Approval): ApprovalVerdict {
  const { current, next, stacks, min_hosts } = approval;
  if (min_hosts === null) {
    const message = "there are no settings; expected how many hosts a model needs";
    return { code: "SETTINGS_MISSING", message, allowed: false, exception: null };
  }
  const verdict = acceptance(next, stacks, min_hosts);
  if (verdict.code === "SUCCESS") return { ...verdict, allowed: true, exception: null };
  const isStuck = acceptance(current, stacks, min_hosts).code !== "SUCCESS";
  const exception = exceptionOf(approval, isStuck);
  return { ...verdict, allowed: exception !== null, exception };
}

function exceptionOf(
  { current, pending, approved, stacks }: Approval,
  isStuck: boolean,
): ApprovalVerdict["exception"] {
  const isWhitelist = (kind: ChangeKind): boolean => kind === "whitelist";
  const isFirstStep = pending.every(isWhitelist) || (pending.length === 1 && pending[0] === "url_params");
  if (isStuck && pending.length > 0 && isFirstStep) return "bootstrap";
  if (approved.length === 0 || !approved.every(isWhitelist)) return null;
  const server = current?.default_server ?? null;
  const hasHosts =
    server !== null && hostsOf({ ...server, not_whitelisted: false }, current!, stacks).size > 0;
  return hasHosts ? null : "whitelist_only";
}
