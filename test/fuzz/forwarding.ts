/** Fuzz entry of the fields in which proxies name their clients: any bytes as X-Forwarded-For and Forwarded. */
import { formatIp, isIp, parseIp } from "../../src/core/schema/ip.ts";
import { Head } from "../../src/net/head.ts";
import {
  bareAddress,
  clientBehindProxies,
  forwardedElement,
  usableRequestId,
} from "../../src/planes/http/forwarding.ts";
import type { FuzzEntry, Outcome } from "./engine.ts";

const isTrusted = (address: string) => address.startsWith("10.") || address.startsWith("fd00:");

function check(holds: boolean, broken: string): void {
  if (!holds) throw new Error(broken);
}

/** A head with each line of the text as the value of a field; every second one is a Forwarded. */
function headOf(lines: readonly string[]): Head {
  const head = new Head(200);
  for (const [index, line] of lines.entries())
    head.add(index % 2 === 0 ? "X-Forwarded-For" : "Forwarded", line.trim());
  return head;
}

function run(bytes: Uint8Array): Outcome {
  const lines = Buffer.from(bytes)
    .toString("latin1")
    .split("\n")
    .slice(0, 100)
    // A field value holds no control bytes: the parser has seen to that.
    .map((line) => line.replace(/[\0-\x08\x0a-\x1f\x7f]/g, ""));
  const address = clientBehindProxies(headOf(lines), isTrusted);
  if (address === null || address === "") return address;
  check(isIp(address), "what is no address was taken as the client's");
  check(lines.join("\n").toLowerCase().includes(address.toLowerCase()), "an address that nobody has named");
  for (const line of lines) usableRequestId(line);
  const ip = parseIp(address);
  if (ip === null) return "zone";
  const element = forwardedElement(formatIp(ip), "a", true);
  const again = clientBehindProxies(headOf(["", element].slice(0)), () => false);
  // The empty X-Forwarded-For is a list without an address.
  check(again === null || again === "", "an empty list names a client");
  const alone = new Head(2);
  alone.add("Forwarded", element);
  check(
    clientBehindProxies(alone, () => false) === bareAddress(formatIp(ip)),
    "an element reads differently",
  );
  return isTrusted(address) ? "trusted" : address.includes(":");
}

export const forwarding: FuzzEntry = {
  name: "forwarding",
  run,
  seeds: () =>
    [
      "192.0.2.1, 10.0.0.1",
      '"[2001:db8::1]:80", 10.0.0.2\nfor="[2001:db8::1]";proto=https, for=10.0.0.1',
      "\nfor=192.0.2.1;by=x, for=unknown",
      "::ffff:192.0.2.1\nFor=192.0.2.1:99",
      "unknown, 10.0.0.1",
    ].map((text) => new TextEncoder().encode(text)),
  tokens: [
    "for=",
    "by=",
    '"',
    "[",
    "]",
    ",",
    ";",
    "10.0.0.1",
    "fd00::1",
    "::ffff:",
    "%eth0",
    "unknown",
    "\n",
  ],
};
