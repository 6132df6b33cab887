/** Every middleware as configurations name it. The other half of the list is `all.ts`. */
import { addPrefixPart } from "./add_prefix/schema.ts";
import { basicAuthPart } from "./basic_auth/schema.ts";
import { bufferingPart } from "./buffering/schema.ts";
import type { MiddlewarePart } from "./contract.ts";
import { headersPart } from "./headers/schema.ts";
import { inFlightReqPart } from "./in_flight_req/schema.ts";
import { ipAllowListPart } from "./ip_allow_list/schema.ts";
import { redirectRegexPart } from "./redirect_regex/schema.ts";
import { redirectSchemePart } from "./redirect_scheme/schema.ts";
import { replacePathPart } from "./replace_path/schema.ts";
import { replacePathRegexPart } from "./replace_path_regex/schema.ts";
import { stripPrefixPart } from "./strip_prefix/schema.ts";
import { stripPrefixRegexPart } from "./strip_prefix_regex/schema.ts";

export const middlewareParts: readonly MiddlewarePart[] = [
  ipAllowListPart,
  redirectSchemePart,
  redirectRegexPart,
  inFlightReqPart,
  basicAuthPart,
  bufferingPart,
  headersPart,
  addPrefixPart,
  stripPrefixPart,
  stripPrefixRegexPart,
  replacePathPart,
  replacePathRegexPart,
];
