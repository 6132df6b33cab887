/** Checks of parts of URLs: what URL rules give, and the defaults. */
import type { UrlParams } from "../model.ts";
import { partOf, type Place, type Problem, problemAt, shown } from "./problem.ts";
import { HIGHEST_PORT, isPort } from "./servers.ts";

/** What clients of the original can speak. */
export const PROTOCOLS: readonly string[] = ["xre", "xres", "ws", "wss", "http", "https", "xmpp"];
const URN = /^[a-zA-Z0-9\-_;.]+$/;

/** What a URL rule gives: at least one part. */
export function urlParamsProblems(params: UrlParams, place: Place): Problem[] {
  if (PARTS.every((part) => isOpen(params[part]))) {
    const message = "gives nothing; expected at least one of urn, protocol, port and ip_version";
    return [problemAt("AllReturnURLParamsMissed", place, message)];
  }
  return partProblems(params, place);
}

/** The defaults of a model, which must be complete. */
export function defaultUrlProblems(params: UrlParams): Problem[] {
  const place: Place = { path: "default_url", rule: null, words: "the default URL" };
  const open = PARTS.filter((part) => isOpen(params[part]));
  const problems = partProblems(params, place);
  if (open.length > 0)
    problems.push(
      problemAt("UrlParamsHasEmptyValues", place, `has no ${open.join(", ")}; expected ${PARTS.join(", ")}`),
    );
  return problems;
}

/** What every URL needs. */
export const PARTS = ["urn", "protocol", "port", "ip_version"] as const;

/** As in decisions blank texts give nothing. A port of 0 is a wrong one. */
function isOpen(value: string | number | null): boolean {
  return value === null || (typeof value === "string" && value.trim() === "");
}

function partProblems({ urn, protocol, port, ip_version }: UrlParams, place: Place): Problem[] {
  const problems: Problem[] = [];
  if (protocol !== null && !isOpen(protocol) && !PROTOCOLS.includes(protocol)) {
    const message = `has the protocol ${shown(protocol)}; expected one of ${PROTOCOLS.join(", ")}`;
    problems.push(problemAt("ProtocolIsInvalid", partOf(place, ".protocol"), message));
  }
  if (port !== null && !isPort(port)) {
    const message = `has the port ${port}; expected a whole number from 1 to ${HIGHEST_PORT}`;
    problems.push(problemAt("PortIsInvalid", partOf(place, ".port"), message));
  }
  if (urn !== null && !isOpen(urn) && !URN.test(urn)) {
    const message = `has the urn ${shown(urn)}; expected letters, digits and - _ ; . only`;
    problems.push(problemAt("UrnIsInvalid", partOf(place, ".urn"), message));
  }
  if (ip_version !== null && ![4, 6].includes(ip_version)) {
    const message = `has the ip_version ${String(ip_version)}; expected 4 or 6`;
    problems.push(problemAt("ValueIPV6_4TypeError", partOf(place, ".ip_version"), message));
  }
  return problems;
}
