/** Telling the original's files from Fairlead's own. */
import { isLaterKey } from "../later.ts";
import type { ConfigParts } from "../parts.ts";
import { isMap } from "../plain_value.ts";
import { configSchema } from "../schema/root.ts";
import { keysAt } from "../schema_walk.ts";
import { mainFile } from "./main_file.ts";

/**
 * True for the content of a file that can only be, or may well be, the original's main file: a map that has none of
 * Fairlead's own keys at its top, or an empty file.
 */
export function isHostsRedirectorFile(value: unknown, parts: ConfigParts): boolean {
  if (value === null || value === undefined) return true;
  if (!isMap(value) || isLoadBalancerFile(value)) return false;
  const own = new Set(keysAt(configSchema(parts), [], value));
  return !Object.keys(value).some((key) => own.has(key) || isLaterKey([], key));
}

/** True for the content of a file that describes one load balancer of the original. */
export function isLoadBalancerFile(value: unknown): boolean {
  return isMap(value) && (Object.hasOwn(value, "local_host") || Object.hasOwn(value, "backend_hosts"));
}

/** True for a key of the original's main file. */
export function isMainFileKey(key: string): boolean {
  return Object.hasOwn(mainFile.shape, key);
}
