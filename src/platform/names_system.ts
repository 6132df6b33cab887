/**
 * Names as the system knows them: the hosts file first, then A and AAAA records. The C library's own lookup gives no
 * time to live, and Bun's resolver (c-ares) gives one but knows neither the hosts file nor the search list.
 */
import { messageOf } from "../core/text/message_of.ts";
import { Resolver } from "node:dns/promises";
import { readFileSync, statSync } from "node:fs";
import { networkInterfaces } from "node:os";
import type { Clock } from "./clock.ts";
import { FALLBACK_TTL_MS, MAX_TTL_MS, type NameAnswer, type NameSource } from "./names.ts";
import { parseHosts, parseResolverFile, plainName, searchNames, type ResolverFile } from "./names_files.ts";

/** How often the two files are looked at. */
const LOOK_MS = 1_000;
/** Bun 1.4.5 rounds the resolver's timeout up to seconds; it doubles with each try. */
const DNS_OPTIONS = { timeout: 2_000, tries: 2 };

export interface SystemNamesOptions {
  readonly clock: Clock;
  readonly hostsFile?: string;
  readonly resolverFile?: string;
  /** Name servers (`address` or `address:port`) in the place of those of the resolver file. */
  readonly servers?: readonly string[];
  /** Which of the servers are asked, or others in their place. */
  readonly serversOf?: (servers: readonly string[]) => readonly string[];
  /** This machine reaches other machines by IPv6. */
  readonly hasIpv6?: () => boolean;
}

/** The records of one family: addresses, none, or no answer that can be trusted. */
type Records =
  { readonly addresses: readonly string[]; readonly ttl_ms: number } | { readonly problem: string };
const NO_RECORDS = { addresses: [], ttl_ms: Infinity };

/** A file whose content is read again when it has changed. */
class WatchedFile<Content> {
  readonly #path: string;
  readonly #parse: (text: string) => Content;
  #state = "never read";
  #version = 0;
  #content: Content;

  constructor(path: string, parse: (text: string) => Content) {
    this.#path = path;
    this.#parse = parse;
    this.#content = parse("");
  }

  /** Looks at the file. Returns a number that grows when the content may have changed. A missing file is empty. */
  look(): number {
    const state = this.#stateNow();
    if (state === this.#state) return this.#version;
    this.#state = state;
    this.#version++;
    let text = "";
    try {
      text = state === "" ? "" : readFileSync(this.#path, "utf8");
    } catch {
      // Gone or unreadable since the look: as if it were empty.
    }
    this.#content = this.#parse(text);
    return this.#version;
  }

  get content(): Content {
    this.look();
    return this.#content;
  }

  #stateNow(): string {
    const found = statSync(this.#path, { throwIfNoEntry: false });
    return found === undefined ? "" : `${found.ino} ${found.size} ${found.mtimeMs} ${found.ctimeMs}`;
  }
}

export class SystemNames implements NameSource {
  readonly #options: SystemNamesOptions;
  readonly #hosts: WatchedFile<Map<string, string[]>>;
  readonly #resolverFile: WatchedFile<ResolverFile>;
  #resolver: { readonly servers: string; readonly dns: Resolver } | null = null;

  constructor(options: SystemNamesOptions) {
    this.#options = options;
    this.#hosts = new WatchedFile(options.hostsFile ?? "/etc/hosts", parseHosts);
    this.#resolverFile = new WatchedFile(options.resolverFile ?? "/etc/resolv.conf", parseResolverFile);
  }

  async lookup(name: string): Promise<NameAnswer> {
    const known = this.#hosts.content.get(plainName(name)) ?? loopback(name);
    // Whoever watches is told when the file changes, so its entries may stay long.
    if (known !== null) return { kind: "found", addresses: known, ttl_ms: MAX_TTL_MS };
    const file = this.#resolverFile.content;
    const { serversOf = (given: readonly string[]) => given, servers = file.servers } = this.#options;
    const asked = serversOf(servers);
    if (asked.length === 0) return { kind: "failed", reason: "there is no name server to ask" };
    const dns = this.#dns(asked);
    let problem = "";
    for (const candidate of searchNames(name, file)) {
      const answer = await this.#query(dns, candidate);
      if (answer.kind === "found") return answer;
      problem ||= answer.reason;
    }
    return { kind: "failed", reason: problem || `no address for ${name}` };
  }

  watch(changed: () => void): () => void {
    // A lookup may find a change first, so versions are compared and not what this look finds.
    const versions = () => this.#hosts.look() + this.#resolverFile.look();
    let known = versions();
    return this.#options.clock.every(LOOK_MS, () => {
      const now = versions();
      if (now === known) return;
      known = now;
      changed();
    });
  }

  close(): void {
    this.#resolver?.dns.cancel();
    this.#resolver = null;
  }

  #dns(servers: readonly string[]): Resolver {
    const text = servers.join(" ");
    if (this.#resolver?.servers !== text) {
      const dns = new Resolver(DNS_OPTIONS);
      dns.setServers(servers.map(withBrackets));
      this.#resolver = { servers: text, dns };
    }
    return this.#resolver.dns;
  }

  async #query(dns: Resolver, name: string): Promise<NameAnswer> {
    const hasIpv6 = (this.#options.hasIpv6 ?? reachesIpv6)();
    const four = records(dns.resolve4(name, { ttl: true }));
    // An address of the other family would only be a candidate that fails, unless there is nothing else.
    const wantsSix = hasIpv6 || isEmpty(await four);
    const six = wantsSix ? records(dns.resolve6(name, { ttl: true })) : NO_RECORDS;
    return joined(await four, await six);
  }
}

/** RFC 6761 6.3: names below `localhost` are this machine, whatever a file or a server says. */
function loopback(name: string): string[] | null {
  return /(?:^|\.)localhost$/.test(plainName(name)) ? ["127.0.0.1", "::1"] : null;
}

function withBrackets(server: string): string {
  return server.includes(":") && !server.includes(".") && !server.startsWith("[") ? `[${server}]` : server;
}

function reachesIpv6(): boolean {
  const addresses = Object.values(networkInterfaces()).flat();
  return addresses.some((one) => one?.family === "IPv6" && !one.internal && !one.address.startsWith("fe80:"));
}

function isEmpty(found: Records): boolean {
  return "addresses" in found && found.addresses.length === 0;
}

/** No such name and no such record are answers; everything else is a failure. */
async function records(
  query: Promise<readonly { readonly address: string; readonly ttl: number }[]>,
): Promise<Records> {
  try {
    const found = await query;
    const seconds = found.map(({ ttl }) => ttl).filter((ttl) => Number.isFinite(ttl) && ttl >= 0);
    const ttl_ms = seconds.length < found.length ? FALLBACK_TTL_MS : Math.min(...seconds) * 1_000;
    return { addresses: found.map(({ address }) => address), ttl_ms };
  } catch (error) {
    const code = (error as { readonly code?: string }).code ?? "";
    if (code === "ENOTFOUND" || code === "ENODATA") return NO_RECORDS;
    return { problem: messageOf(error) };
  }
}

function joined(four: Records, six: Records): NameAnswer {
  const problems = [four, six].flatMap((one) => ("problem" in one ? [one.problem] : []));
  const found = [four, six].flatMap((one) => ("problem" in one ? [] : [one]));
  const addresses = found.flatMap((one) => one.addresses);
  // An empty reason: the servers say that there is nothing.
  if (addresses.length === 0) return { kind: "failed", reason: problems[0] ?? "" };
  const ttl_ms = Math.min(...found.map((one) => one.ttl_ms));
  if (problems.length === 0) return { kind: "found", addresses, ttl_ms };
  return { kind: "found", addresses, ttl_ms, missing: "problem" in four ? 4 : 6 };
}
