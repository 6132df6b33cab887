/** Changes of the path of a request; its query stays byte for byte. */
import { isNormalPath, matchPath, pathOf } from "../../../core/text/path.ts";
import { NEXT, type Exchange, type StepResult } from "../../../net/exchange.ts";
import { removeField } from "./fields.ts";

/** Longest target that a rewrite may make. */
const MAX_TARGET = 16_384;

/** The path of the target as it will be sent, without the query. */
export function rawPath(exchange: Exchange): string {
  return pathOf(exchange.target);
}

/** The path in the form that rules compare. The target is well-formed: the plane has looked, and steps keep it so. */
export function normalPath(exchange: Exchange): string {
  return matchPath(rawPath(exchange)) ?? "/";
}

/**
 * Gives the target another path. Null stands for one that cannot be meant (it would climb out of where it belongs):
 * the request is answered with 400.
 */
export function rewritePath(exchange: Exchange, path: string | null): StepResult {
  if (path === null || !isNormalPath(path))
    return exchange.fail("FL_BAD_TARGET", "the rewritten path is not normal");
  const { target } = exchange;
  const mark = target.indexOf("?");
  const rewritten = mark < 0 ? path : path + target.slice(mark);
  if (rewritten.length > MAX_TARGET)
    return exchange.fail("FL_TARGET_TOO_LONG", "the rewritten target is too long");
  exchange.target = rewritten;
  return NEXT;
}

/** Tells the backend what a field says that only we may write; null = nothing, and nothing of the client's either. */
export function tellBackend(exchange: Exchange, name: string, value: string | null): void {
  removeField(exchange.request, name.toLowerCase());
  if (value !== null) exchange.request.add(name, value);
}
