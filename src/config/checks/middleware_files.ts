/** Files that middlewares name, such as lists of users: the middleware itself looks into them. */
import type { Finding } from "../finding.ts";
import type { ResolvedInputs } from "../inputs.ts";
import type { ConfigParts } from "../parts.ts";
import { isMap, listOr, mapOr } from "../plain_value.ts";
import type { Path } from "../problem.ts";

/** `value` has absolute file names. Files that cannot be read have been told already. */
export function middlewareFileFindings(
  value: unknown,
  inputs: ResolvedInputs,
  parts: ConfigParts,
): Finding[] {
  const looking = parts.middlewares.filter(({ checkFiles }) => checkFiles !== undefined);
  const textOf = (file: string): string | null => inputs.files[file] ?? null;
  return usesIn(value).flatMap(({ path, use }) =>
    looking.flatMap(({ name, checkFiles }) =>
      Object.hasOwn(use, name)
        ? checkFiles!(use[name], textOf).map(({ option, severity, message }): Finding => ({
            path: [...path, name, option],
            what: "value",
            severity,
            message,
          }))
        : [],
    ),
  );
}

interface Use {
  readonly path: Path;
  readonly use: Readonly<Record<string, unknown>>;
}

/** All middlewares that are written out, under `middlewares:` and in routes. */
function usesIn(value: unknown): Use[] {
  const { middlewares, routes } = mapOr(value);
  const named = Object.entries(mapOr(middlewares)).flatMap(([name, entry]): Use[] =>
    isMap(entry) ? [{ path: ["middlewares", name], use: entry }] : inList(entry, ["middlewares", name]),
  );
  const inRoutes = listOr(routes).flatMap((route, index) =>
    inList(mapOr(route)["middlewares"], ["routes", index, "middlewares"]),
  );
  return [...named, ...inRoutes];
}

function inList(list: unknown, path: Path): Use[] {
  return listOr(list).flatMap((entry, index) =>
    isMap(entry) ? [{ path: [...path, index], use: entry }] : [],
  );
}
