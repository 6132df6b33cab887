import type { Matcher } from "../matcher.ts";
import { clientIp } from "./client_ip.ts";
import { header } from "./header.ts";
import { headerRegexp } from "./header_regexp.ts";
import { host } from "./host.ts";
import { hostRegexp } from "./host_regexp.ts";
import { method } from "./method.ts";
import { path } from "./path.ts";
import { pathPrefix } from "./path_prefix.ts";
import { pathRegexp } from "./path_regexp.ts";
import { query } from "./query.ts";
import { queryRegexp } from "./query_regexp.ts";

/** Every matcher of the rule language, in the order of the table in `docs/routing-rules.md`. */
export const MATCHERS: readonly Matcher[] = [
  host,
  hostRegexp,
  path,
  pathPrefix,
  pathRegexp,
  method,
  header,
  headerRegexp,
  query,
  queryRegexp,
  clientIp,
];
