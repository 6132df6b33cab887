/** Keys of the original web service's `service.properties`, behind `redirector.` and `decider.`. */
import {
  basePath,
  becomes,
  type Meaning,
  type Meanings,
  milliseconds,
  servers,
  superseded,
} from "./meaning.ts";

const RECONNECTS = superseded(
  "the store's own pauses: it is tried without end, at random times that spread many programs",
);
const DEFAULT_URL = superseded("the default URL parameters of each application, in its model");
/** The one form of a server that stands for hosts. */
const TEMPLATE = "{protocol}://{host}:{port}/{urn}";

const template: Meaning = {
  kind: "acts",
  setting: `the template of servers, which is always ${TEMPLATE}`,
  put: (value) => (value === TEMPLATE ? null : `expected ${TEMPLATE}, the only form that there is`),
};

export const SERVICE_KEYS: Meanings = {
  connectionUrl: becomes("redirect.store.connect", servers),
  connectionTimeoutMs: becomes("redirect.store.connect_timeout", milliseconds),
  zookeeperBasePath: becomes("redirect.store.base", basePath),
  retryCount: RECONNECTS,
  sleepsBetweenRetryMs: RECONNECTS,
  zooKeeperWaitTimeBeforeReconnect: RECONNECTS,
  cacheHosts: superseded(
    "redirect.discovery and redirect.last_known_good: hosts stay in use while the store is away",
  ),
  snapshotBasePath: superseded("redirect.last_known_good.path, where models, lists and hosts are kept"),
  stacksSnapshotRateInSeconds: superseded("redirect.last_known_good, which is written after each change"),
  protocolHostPortUrn: template,
  urlPartsShell: DEFAULT_URL,
  urlPartsProtocol: DEFAULT_URL,
  urlPartsPort: DEFAULT_URL,
  urlPartsIPProtocol: DEFAULT_URL,
};

const NO_DECIDER = superseded("nothing: the partner decider is no part of this program");

/** The same keys once more, of the decider's own store. */
export const DECIDER_KEYS: Meanings = Object.fromEntries(
  Object.keys(SERVICE_KEYS).map((key) => [key, NO_DECIDER]),
);
