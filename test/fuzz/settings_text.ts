/** Fuzz entry of the texts that settings are written as: durations, sizes, addresses, networks, URLs, files of names. */
import { isIP } from "node:net";
import { parseBackendUrl } from "../../src/core/schema/backend_url.ts";
import { formatDuration, MAX_DURATION_MS, parseDuration } from "../../src/core/schema/duration.ts";
import { parseHostPort } from "../../src/core/schema/host.ts";
import { formatIp, formatNetwork, isIp, parseIp, parseNetwork } from "../../src/core/schema/ip.ts";
import { parseListenAddress } from "../../src/core/schema/listen_address.ts";
import { formatSize, parseSize } from "../../src/core/schema/size.ts";
import { listenAddressText } from "../../src/platform/sockets.ts";
import { parseHosts, parseResolverFile, searchNames } from "../../src/platform/names_files.ts";
import type { FuzzEntry, Outcome } from "./engine.ts";

function check(holds: boolean, broken: string): void {
  if (!holds) throw new Error(broken);
}

function run(bytes: Uint8Array): Outcome {
  const text = new TextDecoder().decode(bytes);
  const kinds = [
    duration(text),
    size(text),
    listening(text),
    network(text),
    address(text),
    url(text),
    files(text),
  ];
  return kinds.filter((kind) => kind !== "").join(" ");
}

function duration(text: string): string {
  const ms = parseDuration(text);
  if (ms === null) return "";
  check(Number.isInteger(ms) && ms >= 0 && ms <= MAX_DURATION_MS, "a duration out of its limits");
  check(parseDuration(formatDuration(ms)) === ms, "a duration that is written again reads differently");
  return "duration";
}

function size(text: string): string {
  const length = parseSize(text);
  if (length === null) return "";
  check(Number.isSafeInteger(length) && length >= 0, "a size out of its limits");
  check(parseSize(formatSize(length)) === length, "a size that is written again reads differently");
  return "size";
}

function listening(text: string): string {
  const parsed = parseListenAddress(text);
  if (parsed === null) return "";
  if (parsed.kind === "unix") {
    check(parsed.path.startsWith("/") && parsed.path.length <= 107, "a path that no socket can have");
    return "unix";
  }
  check(parsed.port >= 0 && parsed.port <= 65_535, "a port that is none");
  check(
    Bun.deepEquals(parseListenAddress(listenAddressText(parsed)), parsed),
    "an address that is written again reads differently",
  );
  check(parseHostPort(text, true) !== null, "a listening address that is no host and port");
  return "listen";
}

function network(text: string): string {
  const parsed = parseNetwork(text);
  if (parsed === null) return "";
  const again = parseNetwork(formatNetwork(parsed));
  check(Bun.deepEquals(again, parsed), "a network that is written again reads differently");
  return "network";
}

function address(text: string): string {
  const isOne = isIp(text);
  // node:net takes more kinds of zones than an address of ours may have.
  if (!text.includes("%")) check(isOne === (isIP(text) !== 0), "node:net disagrees about an address");
  const ip = parseIp(text);
  if (ip === null) return "";
  check(Bun.deepEquals(parseIp(formatIp(ip)), ip), "an address that is written again reads differently");
  return `ip${ip.length}`;
}

function url(text: string): string {
  const parsed = parseBackendUrl(text);
  if ("problem" in parsed) {
    check(parsed.problem !== "" && !parsed.problem.includes("\n"), "a refusal is no sentence");
    return "";
  }
  const { endpoint } = parsed;
  check(
    endpoint.kind === "unix" || (endpoint.port > 0 && endpoint.port <= 65_535),
    "a URL with a port that is none",
  );
  return `url ${endpoint.kind} ${parsed.tls}`;
}

function files(text: string): string {
  for (const [name, addresses] of parseHosts(text)) {
    check(name === name.toLowerCase() && addresses.length > 0, "a name without addresses");
    check(addresses.every(isIp), "a name with what is no address");
  }
  const resolver = parseResolverFile(text);
  check(
    resolver.servers.length > 0 && resolver.servers.length <= 3,
    "a number of name servers that glibc does not take",
  );
  check(
    resolver.servers.every(isIp) && resolver.ndots >= 0 && resolver.ndots <= 15,
    "a resolver out of its limits",
  );
  const names = searchNames("a.b", resolver);
  check(names.includes("a.b") && names.length <= 7, "a name that is not asked for");
  return resolver.search.length > 0 ? "search" : "";
}

export const settingsText: FuzzEntry = {
  name: "settings_text",
  run,
  seeds: () =>
    [
      "1h30m",
      "1.5s",
      "250ms",
      "64KiB",
      "1.5GiB",
      ":8080",
      "[::1%eth0]:80",
      "localhost:443",
      "unix:/run/a.sock",
      "10.0.0.0/8",
      "fd00::/8",
      "::ffff:192.0.2.1",
      "https://name.example:8443/",
      "https+unix:/run/b.sock",
      "127.0.0.1 localhost # here\n::1 localhost\n",
      "nameserver 192.0.2.53\nsearch a.example b.example\noptions ndots:2 rotate\n",
    ].map((text) => new TextEncoder().encode(text)),
  tokens: [
    ...[
      "ms",
      "h",
      "d",
      "KiB",
      "TB",
      ":",
      "[",
      "]",
      "/",
      "unix:",
      "http://",
      "https://",
      "::",
      "0",
      "255",
      "65535",
    ],
    ...["nameserver ", "search ", "options ndots:", "#", "\n", ".", "%", "e", "-"],
  ],
  maxLength: 400,
};
