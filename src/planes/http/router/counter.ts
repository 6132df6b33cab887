/**
 * How often routers compared a request with something they know: lookups of hosts, probes and checks of paths, entries
 * looked at. Tests read it to show that the work of a lookup does not grow with the number of routes.
 */
export const routerCounter = { comparisons: 0 };
