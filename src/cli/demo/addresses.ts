/** Addresses that people remember, with a free port where somebody else has the wanted one. */
import { closeDescriptor, ListenError, openListeningSocket } from "../../platform/sockets.ts";

/** Everything of the demo stays on this machine. */
export const DEMO_HOST = "127.0.0.1";

/** `port` when nobody listens there, else 0: any free one. */
export function portOrAny(port: number, host = DEMO_HOST): number {
  const address = { kind: "tcp", host, port, dual_stack: false } as const;
  try {
    closeDescriptor(openListeningSocket(address, { backlog: 1, reusePort: false, exclusive: true }).fd);
    return port;
  } catch (error) {
    if (error instanceof ListenError) return 0;
    throw error;
  }
}
