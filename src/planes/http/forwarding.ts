/**
 * What a backend learns of where a request came from: X-Forwarded-*, Forwarded, X-Request-ID and Via. Fields of peers
 * that are not trusted are taken away; those of trusted peers are kept and appended to (RFC 7239, RFC 9110 7.6.3).
 */
import type { ForwardingPlan } from "../../core/plan.ts";
import { formatIp, isIp, parseIp } from "../../core/schema/ip.ts";
import { FIELD_STRIDE, isFieldValue, type Head } from "../../net/head.ts";
import { latin1Bytes, writeBytes } from "../../net/h1/bytes.ts";
import { scratch } from "../../net/h1/scratch.ts";
import type { HttpExchange } from "../../net/http_exchange.ts";

/** Name under which we appear in Via and CDN-Loop. */
export const PSEUDONYM = "fairlead";
/** A request that has passed us this often is in a loop. */
const MAX_PASSES = 1;

const IDENTITY: ReadonlySet<string> = new Set(["forwarded", "x-real-ip", "x-request-id"]);

/** Also X-Forwarded-Ssl, -User, -Tls-Client-Cert and whatever else a backend believes of a proxy. */
function isIdentity(name: string): boolean {
  return IDENTITY.has(name) || name.startsWith("x-forwarded-");
}

/** Length of the names `forwarded` and `x-real-ip`. */
const SHORTEST_IDENTITY = 9;

const LINE_END = latin1Bytes("\r\n");

/**
 * Lines that are the same for all requests of a connection whose peer is not trusted, as long as they name the same
 * authority. They end with the name of the request id's field, whose value follows.
 */
export function connectionLines(exchange: HttpExchange, forwarding: ForwardingPlan): Uint8Array {
  const { client, authority } = exchange;
  const address = client.address === "" ? "unknown" : client.address;
  const host = authority === "" ? "" : `X-Forwarded-Host: ${authority}\r\n`;
  return latin1Bytes(
    `X-Forwarded-For: ${address}\r\n` +
      `X-Forwarded-Proto: ${exchange.secure ? "https" : "http"}\r\n` +
      `X-Forwarded-Port: ${exchange.listenerPort}\r\n` +
      host +
      (forwarding.forwarded
        ? `Forwarded: ${forwardedElement(client.address, authority, exchange.secure)}\r\n`
        : "") +
      (forwarding.via ? `Via: ${exchange.protocol} ${PSEUDONYM}\r\n` : "") +
      "X-Request-ID: ",
  );
}

/** Takes away what an untrusted peer must not say, and every spelling of it with underscores. */
export function dropIdentityFields(exchange: HttpExchange): void {
  const head = exchange.request;
  for (let field = 0; field < head.count; field++) {
    const at = field * FIELD_STRIDE;
    if (head.positions[at + 1]! - head.positions[at]! < SHORTEST_IDENTITY) continue;
    if (isIdentity(head.nameAt(field).toLowerCase().replaceAll("_", "-"))) head.drop(field);
  }
}

/** Takes away spellings with underscores of fields that we manage: many servers read them as the real ones. */
export function dropUnderscoreFields(exchange: HttpExchange, managed: ReadonlySet<string>): void {
  const head = exchange.request;
  for (let field = 0; field < head.count; field++) {
    const name = head.nameAt(field).toLowerCase();
    if (!name.includes("_")) continue;
    const real = name.replaceAll("_", "-");
    if (isIdentity(real) || managed.has(real)) head.drop(field);
  }
}

/** Appends `connectionLines` and the request's id to a head that ends at `end` in the scratch block; returns the new end. */
export function writeForwarding(exchange: HttpExchange, lines: Uint8Array, end: number): number {
  end = writeBytes(scratch, end, lines);
  end = writeBytes(scratch, end, exchange.ownIdBytes);
  return writeBytes(scratch, end, LINE_END);
}

/** Adds to the head what a trusted peer has not said, and the peer itself to its list. Call once per request. */
export function addTrustedForwarding(exchange: HttpExchange, forwarding: ForwardingPlan): void {
  const head = exchange.request;
  const peer = exchange.client.peerAddress;
  const chain = head.getAll("x-forwarded-for").join(", ");
  head.set("X-Forwarded-For", chain === "" ? peer : `${chain}, ${peer}`);
  if (forwardedScheme(head) === null) head.set("X-Forwarded-Proto", exchange.secure ? "https" : "http");
  if (head.find("x-forwarded-host") < 0 && exchange.authority !== "") {
    head.add("X-Forwarded-Host", exchange.authority);
  }
  if (head.find("x-forwarded-port") < 0) head.add("X-Forwarded-Port", String(exchange.listenerPort));
  const id = head.get("x-request-id");
  if (id !== null && usableRequestId(id)) exchange.requestId = id;
  else head.set("X-Request-ID", exchange.requestId);
  if (forwarding.forwarded) {
    const before = head.getAll("forwarded").join(", ");
    const element = forwardedElement(peer, exchange.authority, exchange.secure);
    head.set("Forwarded", before === "" ? element : `${before}, ${element}`);
  }
  if (forwarding.via) head.add("Via", `${exchange.protocol} ${PSEUDONYM}`);
}

/**
 * The client of a request that came through trusted proxies: the right-most address of X-Forwarded-For (else
 * Forwarded) that is not one of theirs. Returns null when the fields say nothing usable, and "" when both are there and
 * name different clients: a proxy writes one and lets the other through, so either may be forged, and an address that
 * nobody has is in no list of those who may pass.
 */
export function clientBehindProxies(head: Head, isTrusted: (address: string) => boolean): string | null {
  const chain = head.getAll("x-forwarded-for");
  const elements = head.getAll("forwarded");
  if (chain.length === 0) return lastOutside(elements.join(","), forwardedNode, isTrusted);
  const address = lastOutside(chain.join(","), bareAddress, isTrusted);
  if (elements.length === 0 || address === null) return address;
  const other = lastOutside(elements.join(","), forwardedNode, isTrusted);
  return other === null || isSameAddress(address, other) ? address : "";
}

/**
 * The right-most address of a list that is not trusted, else the left-most of those that are. Walks no further than it
 * must, as clients make lists long. Elements for which `addressOf` gives null do not count; whatever else is no address
 * ends the walk.
 */
function lastOutside(
  list: string,
  addressOf: (element: string) => string | null,
  isTrusted: (address: string) => boolean,
): string | null {
  let found: string | null = null;
  for (let end = list.length; end >= 0;) {
    const start = elementStart(list, end);
    const address = addressOf(list.slice(start, end));
    end = start - 1;
    if (address === null) continue;
    if (!isIp(address)) return found;
    found = address;
    if (!isTrusted(address)) return found;
  }
  return found;
}

/** Where the element of a list begins that ends at `end`; the comma in front of it is the end of the one before. */
export function elementStart(list: string, end: number): number {
  return end === 0 ? 0 : list.lastIndexOf(",", end - 1) + 1;
}

/** The address in an element of Forwarded, or null when it has none. */
function forwardedNode(element: string): string | null {
  const node = /(?:^|;)\s*for=\s*("[^"]*"|[^;,\s]+)/i.exec(element)?.[1];
  return node === undefined ? null : bareAddress(node);
}

function isSameAddress(one: string, other: string): boolean {
  return one === other || plainSpelling(one) === plainSpelling(other);
}

/** IPv6 addresses have many spellings; a zone has one. */
function plainSpelling(address: string): string {
  const [bare = "", ...zone] = address.split("%");
  return [formatIp(parseIp(bare)!), ...zone].join("%");
}

/** The scheme that trusted peers say the client used: the first of X-Forwarded-Proto, in lower case; null without one. */
export function forwardedScheme(head: Head): string | null {
  for (const line of head.getAll("x-forwarded-proto"))
    for (const element of line.split(",")) if (element.trim() !== "") return element.trim().toLowerCase();
  return null;
}

/** An address without port, brackets, quotes and white space. */
export function bareAddress(text: string): string {
  let address = text.trim();
  if (address.startsWith('"') && address.endsWith('"')) address = address.slice(1, -1);
  if (address.startsWith("[")) address = address.slice(1, Math.max(1, address.indexOf("]")));
  else if (address.split(":").length === 2) address = address.split(":")[0]!;
  if (/^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(address)) address = address.slice(7);
  return address;
}

/** One element of a Forwarded field (RFC 7239 4): IPv6 addresses are quoted and bracketed. `host` may be "". */
export function forwardedElement(address: string, host: string, secure: boolean): string {
  const node = address === "" ? "unknown" : address.includes(":") ? `"[${address}]"` : address;
  const authority = /^[A-Za-z0-9.-]*$/.test(host) ? host : `"${host}"`;
  return `for=${node};${host === "" ? "" : `host=${authority};`}proto=${secure ? "https" : "http"}`;
}

/** True when Via or CDN-Loop shows that the request has passed here before (RFC 9110 7.6.3, RFC 8586). */
export function isLoop(exchange: HttpExchange): boolean {
  const head = exchange.request;
  if (exchange.viaField >= 0) {
    const passes = head
      .getAll("via")
      .join(",")
      .split(",")
      .filter((element) => element.trim().split(/\s+/)[1]?.toLowerCase() === PSEUDONYM).length;
    if (passes > MAX_PASSES) return true;
  }
  if (exchange.cdnLoopField < 0) return false;
  const named = head
    .getAll("cdn-loop")
    .join(",")
    .split(",")
    .filter((element) => element.trim().split(";")[0]!.trim().toLowerCase() === PSEUDONYM);
  return named.length > MAX_PASSES;
}

/** A request id of a trusted peer that may go on: visible characters, not too long. */
export function usableRequestId(id: string): boolean {
  return id.length > 0 && id.length <= 128 && isFieldValue(id) && !/[\s"]/.test(id);
}
