/** Every parser that is fuzzed: one line each. `npm test` and `npm run test:nightly` share their time over this list. */
import type { FuzzEntry } from "./engine.ts";
import { proxyHeader } from "./proxy_header.ts";
import { rules } from "./rules.ts";
import { yaml } from "./yaml.ts";

export const FUZZ_ENTRIES: readonly FuzzEntry[] = [
  rules,
  yaml,
  proxyHeader,
  // heads and bodies of HTTP/1, ClientHello: one line per parser
];
