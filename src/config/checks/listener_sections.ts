/** Where settings of listeners stand: below `listeners`, and in sections that open one of their own. */
import { DEFAULT_REDIRECT } from "../../core/defaults.ts";
import { isMap, mapOr, type PlainMap } from "../plain_value.ts";
import type { Path } from "../problem.ts";

export interface ListenerSection {
  readonly settings: PlainMap;
  readonly path: Path;
}

/** Of a configuration that may be malformed. */
export function listenerSections(config: PlainMap): ListenerSection[] {
  const named = Object.entries(mapOr(config["listeners"])).map(([name, value]) => ({
    settings: mapOr(value),
    path: ["listeners", name],
  }));
  const { redirect } = config as { readonly redirect?: unknown };
  if (!isMap(redirect)) return named;
  return [...named, { settings: { address: DEFAULT_REDIRECT.address, ...redirect }, path: ["redirect"] }];
}
