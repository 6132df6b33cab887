import { expect, test } from "bun:test";
import { GATEWAY_KEYS } from "./gateway_keys.ts";
import { DECIDER_KEYS, SERVICE_KEYS } from "./service_keys.ts";
import { translateProperties, translationYaml } from "./translate.ts";

const translated = (...lines: readonly string[]) =>
  translateProperties(new Uint8Array(Buffer.from(`${lines.join("\n")}\n`, "latin1")));
const gateway = (...lines: readonly string[]) =>
  translated(...lines.map((line) => `xre.redirectorConfig.${line}`));

/** What stands in the original's documentation and files, by the section that lists its keys. */
const GATEWAY = `zooKeeperConnection zooKeeperBasePath zooKeeperRetryAttempts zooKeeperRetryInterval
zooKeeperConnectionTimeout zooKeeperSessionTimeout useZooKeeperWaitTimePolicy zooKeeperWaitTimeBeforeReconnectMin
zooKeeperWaitTimeBeforeReconnectMax zooKeeperProviderStrategy appsRetrievingIntervalInSeconds fallbackPort fallbackProtocol
fallbackUrn fallbackIPProtocolVersion backupBasePath minHosts appMinHosts cacheHosts discoveryUpdatePeriod
discoveryPullInterval discoveryPullWorkersPoolSize excludedAppsForStackAutoDiscovery defaultWeightOfTheNode
maxWeightOfTheNode weightFromZookeeperApplied enableCommunicationEndpoint communicationEndpointPort endToEndMode restBasePath
stacksPollIntervalSeconds modelPollIntervalSeconds nsListsPollIntervalSeconds stacksRefreshPollIntervalSeconds
pollingClientsMaxNumberOfConnectionsPerRoute pollingClientsMaxNumberOfConnectionsTotal pollingRequestTimeoutMs
pollingSocketTimeoutMs pollingConnectionTimeoutMs dataRestClientsMaxNumberOfConnectionsPerRoute
dataRestClientsMaxNumberOfConnectionsTotal dataRestSocketTimeoutMs dataRestRequestTimeoutMs dataRestConnectionTimeoutMs
redirectWith302 monitoredInboundAttributes metricsConfigUrl`.split(/\s+/);
const SERVICE =
  `connectionUrl connectionTimeoutMs retryCount sleepsBetweenRetryMs zooKeeperWaitTimeBeforeReconnect
zookeeperBasePath cacheHosts snapshotBasePath stacksSnapshotRateInSeconds protocolHostPortUrn urlPartsShell urlPartsProtocol
urlPartsPort urlPartsIPProtocol`.split(/\s+/);

test("RD157 every key of the original's files acts or is superseded by something that is named", () => {
  expect(GATEWAY.filter((key) => !Object.hasOwn(GATEWAY_KEYS, key))).toEqual([]);
  expect(
    SERVICE.filter((key) => !Object.hasOwn(SERVICE_KEYS, key) || !Object.hasOwn(DECIDER_KEYS, key)),
  ).toEqual([]);
});

test("keys of a gateway become a section redirect", () => {
  const { kind, configuration, unknown, problems } = gateway(
    "zooKeeperConnection = zk1:2181, zk2:2181",
    "zooKeeperBasePath=/prod/",
    "zooKeeperConnectionTimeout=2000",
    "zooKeeperSessionTimeout=8000",
    "zooKeeperProviderStrategy=Random",
    "backupBasePath=/opt/backups",
    "excludedAppsForStackAutoDiscovery=xreGuide, other",
    "defaultWeightOfTheNode=10",
    "maxWeightOfTheNode=50",
    "weightFromZookeeperApplied=false",
    "communicationEndpointPort=10700",
    "redirectWith302=false",
  );
  expect([kind, unknown, problems]).toEqual(["gateway", [], []]);
  expect(configuration).toEqual({
    redirect: {
      store: {
        type: "zookeeper",
        connect: "zk1:2181,zk2:2181",
        base: "/prod",
        connect_timeout: "2000ms",
        session_timeout: "8000ms",
      },
      defaults: { strategy: "random", answer: "locations", compat: "redirector-1", location: "origin" },
      last_known_good: { path: "/opt/backups" },
      apps: { xreGuide: { discovery: "static" }, other: { discovery: "static" } },
      discovery: { default_weight: 10, max_weight: 50, weight_from_registration: false },
      address: ":10700",
    },
  });
});

test("each key that acts changes the configuration", () => {
  const values: Readonly<Record<string, string>> = {
    zooKeeperConnection: "zk9:2181",
    zooKeeperBasePath: "/x",
    zooKeeperConnectionTimeout: "1",
    zooKeeperSessionTimeout: "1",
    zooKeeperProviderStrategy: "Sticky",
    backupBasePath: "/x",
    excludedAppsForStackAutoDiscovery: "x",
    defaultWeightOfTheNode: "1",
    maxWeightOfTheNode: "1",
    weightFromZookeeperApplied: "false",
    communicationEndpointPort: "1",
    redirectWith302: "false",
  };
  const without = gateway("cacheHosts=true").configuration;
  const acting = Object.entries(GATEWAY_KEYS).filter(([, { kind }]) => kind === "acts");
  expect(acting.map(([key]) => key).toSorted()).toEqual(Object.keys(values).toSorted());
  for (const [key] of acting)
    expect([key, gateway(`${key}=${values[key]}`).configuration]).not.toEqual([key, without]);
});

test("keys of the web service, and what the original takes without them", () => {
  const { kind, configuration, acts, superseded, problems } = translated(
    "redirector.connectionUrl = zookeeper:2181",
    "redirector.connectionTimeoutMs = 10000",
    "redirector.zookeeperBasePath=",
    "redirector.protocolHostPortUrn = {protocol}://{host}:{port}/{urn}",
    "redirector.urlPartsPort=10002",
    "decider.connectionUrl = 127.0.0.1:2181",
  );
  expect([kind, problems, acts.length]).toEqual(["service", [], 4]);
  expect(configuration).toEqual({
    redirect: { store: { type: "zookeeper", connect: "zookeeper:2181", connect_timeout: "10000ms" } },
  });
  expect(superseded.map(({ line, key }) => `${line} ${key}`)).toEqual([
    "5 redirector.urlPartsPort",
    "6 decider.connectionUrl",
  ]);
  expect(gateway("cacheHosts=true").configuration).toMatchObject({
    redirect: { store: { connect: "localhost:2181" }, apps: { xreGuide: { discovery: "static" } } },
  });
});

test("unknown keys, keys that come twice, foreign ones and values that make no sense are named with their lines", () => {
  const found = translated(
    "# a gateway",
    "xre.redirectorConfig.zooKeeperConection=zk:2181",
    "xre.redirectorConfig.maxWeightOfTheNode=1",
    "xre.redirectorConfig.maxWeightOfTheNode=0",
    "xre.redirectorConfig.zooKeeperConnection=zk",
    "xre.redirectorConfig.redirectWith302=maybe",
    "xre.redirectorConfig.zooKeeperSessionTimeout=0",
    "xre.XREConfig.port=10001",
    "nothing=1",
    "bad=\\u12",
  );
  const lines = (key: "unknown" | "superseded" | "foreign" | "problems") =>
    found[key].map((one) => `${one.line} ${one.key}: ${one.text}`);
  expect(lines("unknown")).toEqual([
    "2 xre.redirectorConfig.zooKeeperConection: unknown key; did you mean xre.redirectorConfig.zooKeeperConnection?",
    "9 nothing: unknown key",
  ]);
  expect(lines("superseded")).toEqual([
    "3 xre.redirectorConfig.maxWeightOfTheNode: line 4, which has the same key",
  ]);
  expect(lines("foreign")).toEqual(["8 xre.XREConfig.port: is of the server around the original"]);
  expect(lines("problems")).toEqual([
    '4 xre.redirectorConfig.maxWeightOfTheNode: "0": expected a whole number from 1 to 65535',
    '5 xre.redirectorConfig.zooKeeperConnection: "zk": expected servers such as zk1:2181,zk2:2181',
    '6 xre.redirectorConfig.redirectWith302: "maybe": expected true or false',
    '7 xre.redirectorConfig.zooKeeperSessionTimeout: "0": expected a whole number from 1 to 2147483647',
    "10 : has a malformed \\u; expected four hexadecimal digits behind it",
  ]);
  expect(translated("a=1").kind).toBeNull();
});

test("a key or an application may be called anything", () => {
  const found = translated(
    "xre.app.\\nredirect\\:=1",
    "xre.redirectorConfig.excludedAppsForStackAutoDiscovery=__proto__, constructor",
  );
  expect(
    translationYaml("f", found)
      .split("\n")
      .filter((line) => line.startsWith("redirect")),
  ).toHaveLength(1);
  expect(translationYaml("f", found)).toContain('    __proto__:\n      discovery: "static"\n');
  expect(({} as Record<string, unknown>)["discovery"]).toBeUndefined();
});

test("YAML with comments", () => {
  expect(
    translationYaml("r.properties", gateway("minHosts=2", "excludedAppsForStackAutoDiscovery=a b")),
  ).toBe(
    `# r.properties:1: xre.redirectorConfig.minHosts is superseded by the settings in the store: PUT settings/redirectorConfig of the management service
redirect:
  apps:
    "a b":
      discovery: "static"
  store:
    type: "zookeeper"
    connect: "localhost:2181"
  defaults:
    compat: "redirector-1"
    location: "origin"
`,
  );
});
