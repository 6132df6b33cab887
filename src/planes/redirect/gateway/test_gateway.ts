/** What a gateway needs around it, for tests: nothing waits, and time stands still. */
import type { GatewayHost } from "./gateway.ts";

export const TEST_HOST: GatewayHost = {
  wall: () => 0,
  later: (run) => queueMicrotask(run),
  after: () => () => {},
};
