/** Sizes of the bench of operations. */

export const ROUTES = 10_000;
/** Files that the routes are spread over where there are many. */
export const FILES = 40;
/** The file of them that changes. */
export const CHANGED_FILE = 19;
/** Requests per second of the open loop, and its connections. */
export const RATE = 1_000;
export const CONNECTIONS = 64;
/** Connections that look for the new configuration: with so many every worker has one, but for one time in 3,000. */
export const WATCHERS = 32;
export const WATCH_EVERY_US = 4_000;
export const GENERATION_PATH = "/generation";

export const PROBED = 10_000;
export const METRIC_ROUTES = 1_000;
/** How the event loop of a supervisor is looked at: on so many connections that no request waits for another one. */
export const LOOK = { rate: 200, connections: 64 } as const;
