import { z } from "zod";
import type { Endpoint } from "../model.ts";
import { expandEllipses } from "./ellipsis.ts";
import { parseHostPort } from "./host.ts";
import { isSocketPath } from "./listen_address.ts";

export interface ParsedBackendUrl {
  readonly endpoint: Endpoint;
  readonly tls: boolean;
}

const EXPECTED =
  "a URL such as http://127.0.0.1:9001, https://name, tcp://10.0.0.1:5432, unix:/path or https+unix:/path";
const UNIX_SCHEMES: Readonly<Record<string, boolean>> = {
  unix: false,
  "http+unix": false,
  "https+unix": true,
};

/** Schemes of planes and protocols that this version does not have. */
const LATER_SCHEMES: ReadonlySet<string> = new Set(["h2c", "grpc", "grpcs", "h3", "udp", "tls"]);

/**
 * Accepts `http://host[:port][/]`, `https://…` (ports 80 and 443 by default), `tcp://host:port`, `unix:/path`,
 * `http+unix:/path` and `https+unix:/path`. Returns what it means, or why it is refused.
 */
export function parseBackendUrl(text: string): ParsedBackendUrl | { readonly problem: string } {
  const match = /^([a-zA-Z][a-zA-Z0-9+.-]*):(.*)$/s.exec(text);
  if (match === null) return { problem: `${JSON.stringify(text)} is not a URL; expected ${EXPECTED}` };
  const scheme = match[1]!.toLowerCase();
  if (LATER_SCHEMES.has(scheme)) return { problem: `the scheme ${scheme}: is not available in this version` };
  if (scheme in UNIX_SCHEMES) return unixUrl(text, match[2]!, UNIX_SCHEMES[scheme]!);
  if (scheme === "tcp") return tcpUrl(text, match[2]!);
  if (scheme !== "http" && scheme !== "https")
    return { problem: `${JSON.stringify(text)} has an unknown scheme; expected ${EXPECTED}` };
  return hostUrl(text, match[2]!, scheme === "https");
}

function unixUrl(text: string, rest: string, tls: boolean): ParsedBackendUrl | { problem: string } {
  const path = rest.replace(/^\/\/(?=\/)/, "");
  if (!isSocketPath(path))
    return {
      problem: `${JSON.stringify(text)} does not name a socket; expected an absolute path of at most 107 bytes`,
    };
  return { endpoint: { kind: "unix", path }, tls };
}

/** What speaks on the port is not said, so the port must be. */
function tcpUrl(text: string, rest: string): ParsedBackendUrl | { problem: string } {
  if (!/^\/\/[^/]*:\d+\/?$/.test(rest))
    return { problem: `${JSON.stringify(text)} has no port; expected tcp://host:port` };
  return hostUrl(text, rest, false);
}

function hostUrl(text: string, rest: string, tls: boolean): ParsedBackendUrl | { problem: string } {
  const match = /^\/\/([^/?#]*)(\/?)(.*)$/s.exec(rest);
  if (match === null || match[1] === "")
    return { problem: `${JSON.stringify(text)} names no host; expected ${EXPECTED}` };
  const [, authority, , tail] = match;
  if (authority!.includes("@")) return { problem: "a backend's URL holds no user and password" };
  if (tail !== "")
    return {
      problem: "a backend's URL holds no path and no query; use the middlewares add_prefix or replace_path",
    };
  const hasPort = /:\d+$/.test(authority!);
  const parsed = parseHostPort(hasPort ? authority! : `${authority}:${tls ? 443 : 80}`, false);
  if (parsed === null || parsed.port === 0)
    return { problem: `${JSON.stringify(text)} has a malformed host or port; expected ${EXPECTED}` };
  return { endpoint: { kind: "tcp", host: parsed.host, port: parsed.port }, tls };
}

/** One URL as it is written, and what it means. */
export type BackendUrl = ParsedBackendUrl & { readonly url: string };

/** All URLs that a text with ellipses stands for, or why it is refused. */
export function parseBackendUrls(text: string): readonly BackendUrl[] | { readonly problem: string } {
  // Paths of sockets may hold braces.
  const expanded = /^(?:https?\+)?unix:/i.test(text) ? { texts: [text] } : expandEllipses(text);
  if ("problem" in expanded) return expanded;
  const urls: BackendUrl[] = [];
  for (const url of expanded.texts) {
    const parsed = parseBackendUrl(url);
    if ("problem" in parsed) return parsed;
    urls.push({ url, ...parsed });
  }
  return urls;
}

/** The URL of a backend in the configuration; with ellipses it stands for several backends. */
export function backendUrls(): z.ZodType<readonly BackendUrl[], string> {
  return z
    .string({ error: `expected ${EXPECTED}` })
    .transform((text, context) => {
      const parsed = parseBackendUrls(text);
      if (!("problem" in parsed)) return parsed;
      context.issues.push({ code: "custom", message: parsed.problem, input: text });
      return z.NEVER;
    })
    .meta({ type_name: "URL" });
}
