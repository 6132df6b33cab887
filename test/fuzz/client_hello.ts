/** Fuzz entry of the ClientHello reader: any bytes as the start of a TLS connection. */
import type { FuzzEntry, Outcome } from "./engine.ts";
import {
  ClientHelloError,
  MAX_CLIENT_HELLO_STREAM_BYTES,
  readServerName,
} from "../../src/net/client_hello.ts";
import { clientHello as helloMessage, inRecords } from "../../src/net/test_client_hello.ts";

function check(holds: boolean, broken: string): void {
  if (!holds) throw new Error(broken);
}

/** The name, null = incomplete, or the refusal. */
function outcome(bytes: Uint8Array): string | null | ClientHelloError {
  try {
    return readServerName(bytes);
  } catch (error) {
    if (error instanceof ClientHelloError) return error;
    throw error;
  }
}

/** Throws when an invariant is broken; a refusal is a good outcome. */
function run(bytes: Uint8Array): Outcome {
  const whole = outcome(bytes);
  check(
    whole !== null || bytes.length < MAX_CLIENT_HELLO_STREAM_BYTES + 16_384 + 5,
    "a message has no end at its largest size",
  );
  if (typeof whole === "string") check(!/[^!-~]|[A-Z]/.test(whole), "a name that is none");
  let before: string | null | ClientHelloError = null;
  const step = Math.max(1, bytes.length >> 6);
  for (let size = 0; size < bytes.length; size += step) {
    const part = outcome(bytes.subarray(0, size));
    if (before !== null) check(String(part) === String(before), "more bytes change what was known");
    before = part;
  }
  if (before !== null) check(String(whole) === String(before), "more bytes change what was known");
  return whole instanceof ClientHelloError ? whole.message.replace(/\d+/g, "0") : typeof whole;
}

function seeds(): Uint8Array[] {
  const hello = helloMessage({ name: "www.example.com" });
  return [
    inRecords(hello),
    inRecords(hello, 1),
    inRecords(hello, 40),
    inRecords(helloMessage({ extensions: null })),
    inRecords(helloMessage({ name: "a.test", padding: new Uint8Array(600) })),
    new TextEncoder().encode("GET / HTTP/1.1\r\n"),
  ];
}

export const clientHello: FuzzEntry = { name: "client_hello", seeds, run };
