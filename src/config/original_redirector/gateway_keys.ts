/** Keys of the original gateway's `redirector.properties`, behind `xre.redirectorConfig.`. */
import { setAt } from "./draft.ts";
import {
  basePath,
  becomes,
  filled,
  type Meaning,
  type Meanings,
  milliseconds,
  servers,
  superseded,
  truth,
  wholeNumber,
} from "./meaning.ts";

const WATCHED = superseded("watches: models, lists and hosts act within a second of a change in the store");
const NO_REST = superseded("redirect.store: models and lists come from the store, not over REST");
const RECONNECTS = superseded(
  "the store's own pauses: it is tried without end, at random times that spread many gateways",
);
const DEFAULT_URL = superseded("the model's default URL parameters, without which no model is accepted");
const IN_STORE = superseded(
  "the settings in the store: PUT settings/redirectorConfig of the management service",
);

const strategy: Meaning = {
  kind: "acts",
  setting: "redirect.defaults.strategy",
  put(value, draft) {
    const word = value.toLowerCase();
    if (word === "roundrobin") setAt(draft, ["redirect", "defaults", "strategy"], "round_robin");
    else if (word === "random") setAt(draft, ["redirect", "defaults", "strategy"], "random");
    else if (word === "sticky") setAt(draft, ["redirect", "defaults", "affinity"], "host");
    else return "expected RoundRobin, Random or Sticky";
    return null;
  },
};

const staticApps: Meaning = {
  kind: "acts",
  setting: "redirect.apps.APP.discovery",
  put(value, draft) {
    for (const app of value.split(",").map((name) => name.trim()))
      if (app !== "") setAt(draft, ["redirect", "apps", app, "discovery"], "static");
    return null;
  },
};

export const GATEWAY_KEYS: Meanings = {
  zooKeeperConnection: becomes("redirect.store.connect", servers),
  zooKeeperBasePath: becomes("redirect.store.base", basePath),
  zooKeeperConnectionTimeout: becomes("redirect.store.connect_timeout", milliseconds),
  zooKeeperSessionTimeout: becomes("redirect.store.session_timeout", milliseconds),
  zooKeeperRetryAttempts: RECONNECTS,
  zooKeeperRetryInterval: RECONNECTS,
  useZooKeeperWaitTimePolicy: RECONNECTS,
  zooKeeperWaitTimeBeforeReconnectMin: RECONNECTS,
  zooKeeperWaitTimeBeforeReconnectMax: RECONNECTS,
  zooKeeperUseCompression: superseded(
    "fairlead redirect import, which reads nodes whether compressed or not",
  ),
  zooKeeperProviderStrategy: strategy,
  appsRetrievingIntervalInSeconds: WATCHED,
  serviceName: superseded("the path of a request, which names the application"),
  fallbackPort: DEFAULT_URL,
  fallbackProtocol: DEFAULT_URL,
  fallbackUrn: DEFAULT_URL,
  fallbackIPProtocolVersion: DEFAULT_URL,
  backupBasePath: becomes("redirect.last_known_good.path", filled),
  stackBackupInterval: superseded("redirect.last_known_good, which is written after each change"),
  minHosts: IN_STORE,
  appMinHosts: IN_STORE,
  considerPercents: superseded("percentages of rules and distributions, which always count"),
  cacheHosts: superseded(
    "redirect.discovery and redirect.last_known_good: hosts stay in use while the store is away",
  ),
  discoveryUpdatePeriod: WATCHED,
  discoveryPullInterval: WATCHED,
  discoveryPullWorkersPoolSize: WATCHED,
  excludedAppsForStackAutoDiscovery: staticApps,
  defaultWeightOfTheNode: becomes("redirect.discovery.default_weight", (text) =>
    wholeNumber(text, 0, 65_535),
  ),
  maxWeightOfTheNode: becomes("redirect.discovery.max_weight", (text) => wholeNumber(text, 1, 65_535)),
  weightFromZookeeperApplied: becomes("redirect.discovery.weight_from_registration", truth),
  enableCommunicationEndpoint: superseded("the section redirect, with which clients are always answered"),
  communicationEndpointPort: becomes("redirect.address", (text) => {
    const port = wholeNumber(text, 1, 65_535);
    return "problem" in port ? port : { value: `:${port.value}` };
  }),
  redirectWith302: becomes("redirect.defaults.answer", (text) => {
    const is302 = truth(text);
    return "problem" in is302 ? is302 : { value: is302.value === true ? "redirect" : "locations" };
  }),
  endToEndMode: superseded("fairlead redirect explain and the test cases of the management service"),
  restBasePath: NO_REST,
  stacksPollIntervalSeconds: WATCHED,
  modelPollIntervalSeconds: WATCHED,
  nsListsPollIntervalSeconds: WATCHED,
  stacksRefreshPollIntervalSeconds: WATCHED,
  pollingClientsMaxNumberOfConnectionsPerRoute: NO_REST,
  pollingClientsMaxNumberOfConnectionsTotal: NO_REST,
  pollingRequestTimeoutMs: NO_REST,
  pollingSocketTimeoutMs: NO_REST,
  pollingConnectionTimeoutMs: NO_REST,
  dataRestSocketTimeoutMs: NO_REST,
  dataRestRequestTimeoutMs: NO_REST,
  dataRestConnectionTimeoutMs: NO_REST,
  dataRestClientsMaxNumberOfConnectionsPerRoute: NO_REST,
  dataRestClientsMaxNumberOfConnectionsTotal: NO_REST,
  monitoredInboundAttributes: superseded("the metrics and the access log"),
  metricsConfigUrl: superseded("/metrics of the admin server"),
  upArrowURL: superseded("the admin application"),
  downArrowURL: superseded("the admin application"),
};
