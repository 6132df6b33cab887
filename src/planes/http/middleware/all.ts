/** Every middleware as workers run it. The other half of the list is `all_parts.ts`. */
import type { Step, StepContext } from "../../../net/exchange.ts";
import { addPrefix } from "./add_prefix/step.ts";
import { basicAuth } from "./basic_auth/step.ts";
import { buffering } from "./buffering/step.ts";
import type { Middleware } from "./contract.ts";
import { headers } from "./headers/step.ts";
import { inFlightReq } from "./in_flight_req/step.ts";
import { ipAllowList } from "./ip_allow_list/step.ts";
import { redirectRegex } from "./redirect_regex/step.ts";
import { redirectScheme } from "./redirect_scheme/step.ts";
import { replacePath } from "./replace_path/step.ts";
import { replacePathRegex } from "./replace_path_regex/step.ts";
import { stripPrefix } from "./strip_prefix/step.ts";
import { stripPrefixRegex } from "./strip_prefix_regex/step.ts";

export const middlewares: readonly Middleware[] = [
  ipAllowList,
  redirectScheme,
  redirectRegex,
  inFlightReq,
  basicAuth,
  buffering,
  headers,
  addPrefix,
  stripPrefix,
  stripPrefixRegex,
  replacePath,
  replacePathRegex,
];

/** The middleware with this name, or undefined. */
export function middlewareByName(name: string): Middleware | undefined {
  return middlewares.find((middleware) => middleware.name === name);
}

/** Prepares the step of a middleware by name. Throws an Error for the operator. */
export function createStep(name: string, options: unknown, context: StepContext): Step {
  const middleware = middlewareByName(name);
  if (middleware === undefined) throw new Error(`no middleware ${name}`);
  return middleware.create(options, context);
}
