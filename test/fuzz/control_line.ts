/** Fuzz entry of the control socket: any bytes as the lines of a client. */
import { parseControlRequest } from "../../src/run/control_socket.ts";
import type { FuzzEntry, Outcome } from "./engine.ts";

function check(holds: boolean, broken: string): void {
  if (!holds) throw new Error(broken);
}

function run(bytes: Uint8Array): Outcome {
  const outcomes = new Set<string>();
  for (const line of new TextDecoder().decode(bytes).split("\n")) outcomes.add(outcomeOf(line));
  return [...outcomes].toSorted().join(" | ");
}

function outcomeOf(line: string): string {
  let request;
  try {
    request = parseControlRequest(line);
  } catch (error) {
    const { name, message } = error as Error;
    check(
      name === "Error" && message.startsWith("a request "),
      `a refusal in other words: ${name}: ${message}`,
    );
    return message;
  }
  check(typeof request.command === "string", "a request without a command");
  check(!Array.isArray(request) && typeof request === "object", "a request that is no object");
  const again = parseControlRequest(JSON.stringify(request));
  check(again.command === request.command, "a request that is written again reads differently");
  return "a request";
}

export const controlLine: FuzzEntry = {
  name: "control_line",
  run,
  seeds: () =>
    [
      '{"command":"status"}',
      '{"command":"stop","timeout_ms":1}\n{"command":"reload"}\n',
      'null\n[]\n1\n"command"',
      '{"command":{}}',
      '{"__proto__":{"command":"status"}}',
    ].map((text) => new TextEncoder().encode(text)),
  tokens: ['{"command":"', '"}', "\n", "null", "[", "__proto__", "\\u0000", "1e999"],
};
