/**
 * Validation that remembers: routes and pools that a load has seen before are not validated again. A part is known by its
 * identity, as values of layers are never changed: only what was read anew, or holds a secret or a file, is another object.
 */
import type { z } from "zod";
import { isMap } from "./plain_value.ts";
import type { PoolConfig } from "./schema/pools.ts";
import type { Config } from "./schema/root.ts";
import type { RouteConfig } from "./schema/routes.ts";

interface KnownPool {
  /** The key was validated too. */
  readonly name: string;
  readonly config: PoolConfig;
}

type Result = z.ZodSafeParseResult<Config>;

export class ParsedParts {
  #schema: z.ZodType<Config> | null = null;
  #routes = new WeakMap<object, RouteConfig>();
  #pools = new WeakMap<object, KnownPool>();

  /** What `schema.safeParse(value)` gives; of equal objects of another load the same output. */
  parse(schema: z.ZodType<Config>, value: unknown): Result {
    if (this.#schema !== schema) {
      this.#schema = schema;
      this.#routes = new WeakMap();
      this.#pools = new WeakMap();
    }
    if (!isMap(value) || !Array.isArray(value["routes"]) || !isMap(value["pools"]))
      return schema.safeParse(value);
    const routes = value["routes"] as readonly unknown[];
    const pools = Object.entries(value["pools"]);
    const newRoutes = routes.filter((route) => this.#routeOf(route) === undefined);
    const newPools = pools.filter(([name, pool]) => this.#poolOf(name, pool) === undefined);
    const result = schema.safeParse({ ...value, routes: newRoutes, pools: Object.fromEntries(newPools) });
    // Places in what is wrong must be those of the whole.
    if (!result.success)
      return newRoutes.length === routes.length && newPools.length === pools.length
        ? result
        : schema.safeParse(value);
    for (const [index, route] of newRoutes.entries())
      this.#routes.set(route as object, result.data.routes[index]!);
    for (const [name, pool] of newPools)
      this.#pools.set(pool as object, { name, config: result.data.pools[name]! });
    const data = {
      ...result.data,
      routes: routes.map((route) => this.#routeOf(route)!),
      pools: Object.fromEntries(pools.map(([name, pool]) => [name, this.#poolOf(name, pool)!])),
    };
    return { success: true, data } as Result;
  }

  #routeOf(route: unknown): RouteConfig | undefined {
    return isMap(route) ? this.#routes.get(route) : undefined;
  }

  /** An alias may give one object two names. */
  #poolOf(name: string, pool: unknown): PoolConfig | undefined {
    const known = isMap(pool) ? this.#pools.get(pool) : undefined;
    return known?.name === name ? known.config : undefined;
  }
}
