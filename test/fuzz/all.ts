/** Every parser that is fuzzed: one line each. `npm test` and `npm run test:nightly` share their time over this list. */
import { accessLine } from "./access_line.ts";
import { bundleZip } from "./bundle_zip.ts";
import { clientHello } from "./client_hello.ts";
import { controlLine } from "./control_line.ts";
import { dnsQuery } from "./dns_query.ts";
import type { FuzzEntry } from "./engine.ts";
import { forwarding } from "./forwarding.ts";
import { http1Chunks } from "./http1_chunks.ts";
import { http1Request } from "./http1_request.ts";
import { http1Response } from "./http1_response.ts";
import { jsonParts } from "./json_parts.ts";
import { metricTotals } from "./metric_totals.ts";
import { probeAnswer } from "./probe_answer.ts";
import { proxyHeader } from "./proxy_header.ts";
import { redirectDocuments } from "./redirect_documents.ts";
import { rules } from "./rules.ts";
import { settingsText } from "./settings_text.ts";
import { usersFile } from "./users_file.ts";
import { websocketFrames } from "./websocket_frames.ts";
import { yaml } from "./yaml.ts";
import { zookeeperFrames } from "./zookeeper_frames.ts";

export const FUZZ_ENTRIES: readonly FuzzEntry[] = [
  rules,
  yaml,
  proxyHeader,
  clientHello,
  http1Chunks,
  http1Request,
  http1Response,
  probeAnswer,
  forwarding,
  usersFile,
  settingsText,
  controlLine,
  accessLine,
  metricTotals,
  dnsQuery,
  redirectDocuments,
  zookeeperFrames,
  websocketFrames,
  bundleZip,
  jsonParts,
];
