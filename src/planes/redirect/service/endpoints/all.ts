/** Every endpoint of the management service. One more is a file beside this one and a line here. */
import type { Endpoint } from "../http/endpoint.ts";
import { aboutEndpoints } from "./about.ts";
import { bulkEndpoints } from "./bulk.ts";
import { applicationEndpoints } from "./applications.ts";
import { changeEndpoints } from "./changes.ts";
import { decisionEndpoints } from "./decisions.ts";
import { gatewayEndpoints } from "./gateways.ts";
import { historyEndpoints } from "./history.ts";
import { listChangeEndpoints } from "./list_changes.ts";
import { loginEndpoints } from "./login.ts";
import { modelInitializerEndpoints } from "./model_initializer.ts";
import { namedListEndpoints } from "./named_lists.ts";
import { offlineEndpoints } from "./offline.ts";
import { openApiEndpoint } from "./openapi.ts";
import { reloadEndpoints } from "./reload.ts";
import { rolloutEndpoints } from "./rollouts.ts";
import { ruleEndpoints } from "./rules.ts";
import { serverEndpoints } from "./servers.ts";
import { settingsEndpoints } from "./settings.ts";
import { stackCommentEndpoints } from "./stack_comments.ts";
import { stackEndpoints } from "./stacks.ts";
import { summaryEndpoints } from "./summary.ts";
import { templateSyncEndpoints } from "./template_sync.ts";
import { trialCaseEndpoints } from "./trial_cases.ts";
import { trafficEndpoints } from "./traffic.ts";
import { traceEndpoints } from "./traces.ts";
import { urlParamsEndpoints } from "./url_params.ts";
import { whitelistEndpoints } from "./whitelist.ts";

export const endpoints: readonly Endpoint[] = [
  ...aboutEndpoints,
  ...loginEndpoints,
  ...ruleEndpoints,
  ...rolloutEndpoints,
  ...urlParamsEndpoints,
  ...serverEndpoints,
  ...whitelistEndpoints,
  ...namedListEndpoints,
  ...changeEndpoints,
  ...listChangeEndpoints,
  ...reloadEndpoints,
  ...settingsEndpoints,
  ...historyEndpoints,
  ...offlineEndpoints,
  ...decisionEndpoints,
  ...bulkEndpoints,
  ...gatewayEndpoints,
  ...traceEndpoints,
  ...stackEndpoints,
  ...stackCommentEndpoints,
  ...trialCaseEndpoints,
  ...trafficEndpoints,
  ...summaryEndpoints,
  ...applicationEndpoints,
  ...modelInitializerEndpoints,
  ...templateSyncEndpoints,
  openApiEndpoint(() => endpoints),
];
