/** URLs of decisions: parts joined from rules, placeholders filled, query pairs appended. */
import type { QueryPair, UrlParams } from "./model.ts";

/** What every URL needs. */
export interface FullUrlParams {
  readonly urn: string;
  readonly protocol: string;
  readonly port: number;
  readonly ip_version: 4 | 6;
}

/** The original's last resort. An accepted model has defaults of its own. */
export const FALLBACK_URL: FullUrlParams = { urn: "shell", protocol: "xre", port: 10_004, ip_version: 4 };

/** Name that stands among the applied rules for the defaults of the model. */
export const DEFAULT_URL_RULE = "Default";

/** Joins what rules give: each fills what is still open; blank texts and 0 are open. */
export class UrlParts {
  urn = "";
  protocol = "";
  port = 0;
  ip_version: 0 | 4 | 6 = 0;
  /** Names of the rules that have given something. */
  rules: string[] = [];

  clear(): void {
    this.urn = this.protocol = "";
    this.port = this.ip_version = 0;
    this.rules = [];
  }

  /** Returns true when nothing is open any more. */
  fill({ urn, protocol, port, ip_version }: UrlParams, rule: string): boolean {
    let has = false;
    const isGiven = (text: string | null): text is string => text !== null && text.trim() !== "";
    if (this.urn === "" && isGiven(urn)) [this.urn, has] = [urn, true];
    if (this.protocol === "" && isGiven(protocol)) [this.protocol, has] = [protocol, true];
    if (this.port === 0 && port !== null && port !== 0) [this.port, has] = [port, true];
    if (this.ip_version === 0 && ip_version !== null) [this.ip_version, has] = [ip_version, true];
    if (has) this.rules.push(rule);
    return this.urn !== "" && this.protocol !== "" && this.port !== 0 && this.ip_version !== 0;
  }

  full(): FullUrlParams {
    return {
      urn: this.urn || FALLBACK_URL.urn,
      protocol: this.protocol || FALLBACK_URL.protocol,
      port: this.port || FALLBACK_URL.port,
      ip_version: this.ip_version || FALLBACK_URL.ip_version,
    };
  }
}

/** Fills the placeholders of `template`, null = `TEMPLATE_URL`. An IPv6 address gets brackets. */
export function fillUrl(
  template: string | null,
  host: string,
  urn: string,
  protocol: string,
  port: number,
): string {
  if (template === null) return `${protocol}://${inUrl(host)}:${port}/${urn}`;
  return template
    .replaceAll("{protocol}", () => protocol)
    .replaceAll("{host}", () => inUrl(host))
    .replaceAll("{port}", () => String(port))
    .replaceAll("{urn}", () => urn);
}

export function inUrl(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/** Characters of a query that need no encoding (RFC 3986 3.4), `%` where two hexadecimal digits follow. */
const ENCODED = /[^A-Za-z0-9\-._~!$'()*+,;:@/?%=]|%(?![0-9A-Fa-f]{2})/gu;

/** The pairs of the query of a client's URL, as they stand there; what no URL may hold is encoded. */
export function queryPairsOf(url: string): string[] {
  const start = url.indexOf("?");
  if (start < 0) return [];
  const end = url.indexOf("#", start);
  return url
    .slice(start + 1, end < 0 ? undefined : end)
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => pair.replace(ENCODED, (character) => encodeURIComponent(wellFormed(character))));
}

/** Half a surrogate pair has no encoding. */
function wellFormed(character: string): string {
  return /[\ud800-\udfff]/.test(character) && character.length === 1 ? "\ufffd" : character;
}

export function encodedPair({ key, value }: QueryPair): string {
  return `${encodeURIComponent(key.toWellFormed())}=${encodeURIComponent(value.toWellFormed())}`;
}

/** `url` with the pairs that it does not have yet, before its fragment. */
export function withPairs(url: string, pairs: readonly string[]): string {
  if (pairs.length === 0) return url;
  const hash = url.indexOf("#");
  const [base, fragment] = hash < 0 ? [url, ""] : [url.slice(0, hash), url.slice(hash)];
  const start = base.indexOf("?");
  const seen = new Set(start < 0 ? [] : base.slice(start + 1).split("&"));
  let result = base;
  let separator = start < 0 ? "?" : base.endsWith("?") || base.endsWith("&") ? "" : "&";
  for (const pair of pairs) {
    if (seen.has(pair)) continue;
    seen.add(pair);
    result += separator + pair;
    separator = "&";
  }
  return result + fragment;
}

/** The parts of a literal URL; port "" where it names none. Null for a text that is no URL with a host. */
export function urlParts(
  url: string,
): { readonly protocol: string; readonly host: string; readonly port: string; readonly urn: string } | null {
  const match =
    /^([A-Za-z][A-Za-z0-9+.-]*):\/\/(?:\[([^\]]*)\]|([^:/?#]+))(?::(\d{1,5}))?(?:\/([^?#]*))?(?:[?#]|$)/.exec(
      url,
    );
  if (match === null) return null;
  const [, protocol = "", ipv6, name = "", port = "", urn = ""] = match;
  return { protocol, host: ipv6 ?? name, port, urn };
}
