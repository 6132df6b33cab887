/** Calls of the endpoints of the redirector's management service, and what stands in the store that they are made to. */
import type { Store } from "../../src/store/contract.ts";
import { LargeDocuments } from "../../src/store/large_documents.ts";
import { pendingRecord } from "../../src/planes/redirect/service/records/kinds.ts";
import { recordBytes } from "../../src/planes/redirect/service/records/record.ts";
import type { TestService } from "../../src/planes/redirect/service/test_service.ts";

export interface EndpointCall {
  /** Of the endpoint. */
  readonly id: string;
  readonly target: string;
  readonly body?: unknown;
  readonly type?: string;
  /** Where it is another one than the endpoint's own. */
  readonly status?: number;
  /** Content type of the answer, where it is not the first one of the endpoint. */
  readonly gives?: string;
  /** Name in Content-Disposition. */
  readonly file?: string;
  /** A text in the answer. */
  readonly holds?: string;
  readonly bad?: readonly BadCall[];
}

interface BadCall {
  readonly target?: string;
  readonly body?: unknown;
  readonly type?: string;
  readonly status: number;
}

const TEMPLATE = "{protocol}://{host}:{port}/{urn}";
const server = (path: string, name = "default") => ({ name, url: TEMPLATE, path });
const flavorRule = (path = "1.0") => ({
  equals: [{ param: "os", value: "linux" }],
  return: { server: [server(path, "beta")] },
});
const urlRule = (port = "443") => ({
  equals: [{ param: "secure", value: "1" }],
  return: { urlRule: [{ protocol: "wss", port }] },
});
const URL_PARAMS = { urlRule: { urn: "app", protocol: "http", port: "8080", ipProtocolVersion: "4" } };
const people = (...values: readonly string[]) => ({
  name: "people",
  type: "TEXT",
  valueSet: values.map((value) => ({ value })),
});
const shares = (percent: number) => ({ rule: [{ id: 0, percent, server: server("2.0", "two") }] });

const rollout = (settings: object = {}) => ({
  server: server("2.0", "next"),
  salt: "next",
  steps: [1, 5, 25],
  bake_ms: 60_000,
  ...settings,
});

/** Application a1 with a model, revisions and pending changes; a2 with changes that were made offline; lists and their changes. */
export async function fillService(service: TestService, store: Store): Promise<void> {
  const save = async (method: string, target: string, body: unknown): Promise<void> => {
    const { status, text } = await service.ask("ann:admin", method, target, { body });
    if (status !== 201 && status !== 200) throw new Error(`${target}: ${status} ${text}`);
  };
  const approve = async (app: string): Promise<void> => {
    const version = (await service.ask("bob:admin", "GET", `/changes/${app}`)).version();
    const { status, text } = await service.ask("bob:admin", "POST", `/changes/${app}/approve/${version}`);
    if (status !== 200) throw new Error(text);
  };
  for (const app of ["a1", "a2"]) {
    await save("POST", `/whitelist/${app}`, { paths: app === "a1" ? ["/EU/z1", "/EU/z2"] : ["/EU/z1"] });
    await save("POST", `/servers/${app}/default`, server("1.0"));
    await save("POST", `/urlRules/${app}/urlParams/default`, URL_PARAMS);
    await approve(app);
  }
  await save("POST", "/namespacedLists/addNewNamespaced/people?live=true", people("ann", "bob"));
  await save("POST", "/rules/a1/beta", flavorRule("2.0"));
  await save("POST", "/urlRules/a1/tls", urlRule());
  await save("POST", "/templates/rules/a1/pattern", flavorRule("2.0"));
  await save("POST", "/templates/urlRules/a1/url_pattern", urlRule());
  await save("POST", "/distributions/a1", shares(10));
  await save("PUT", "/rollouts/a1/next", rollout());
  await approve("a1");
  await save("POST", "/rules/a1/gamma", flavorRule());
  await save("POST", "/distributions/a1", shares(20));
  await save("PUT", "/whitelist/a1/addStacks", { paths: ["/EU/z3"] });
  await save("POST", "/namespacedLists/addNewNamespaced/people", people("ann", "bob", "eve"));
  await save("POST", "/stackComments/post/a1?path=/EU/z1", { comment: "be careful" });
  await save("POST", "/testSuite/a1/t1/", testCase("t1"));
  await store.put("/services/EU/z8/9.0/a1", new Uint8Array());
  await addOfflineChanges(store);
}

/** As a bundle that was made while the store was away leaves them. */
async function addOfflineChanges(store: Store): Promise<void> {
  const kind = pendingRecord("a2");
  const change = {
    kind: "whitelist",
    id: "/EU/z9",
    before: null,
    after: true,
    authors: ["zoe"],
    at: 1,
  } as const;
  const record = { version: 9, changes: [], offline: { base_version: 1, changes: [change] } };
  await new LargeDocuments(store).write(kind.path, recordBytes(kind, record));
}

/** After `fillService`. */
const PENDING = 14;
const OLD = { status: 409 } as const;

const RULE_FAMILIES = [
  { base: "/rules", id: "FlavorRule", name: "beta", file: "exportedRules", body: flavorRule() },
  { base: "/urlRules", id: "UrlRule", name: "tls", file: "exportedUrlRules", body: urlRule() },
  {
    base: "/templates/rules",
    id: "FlavorTemplate",
    name: "pattern",
    file: "exportedTemplateRules",
    body: flavorRule(),
  },
  {
    base: "/templates/urlRules",
    id: "UrlTemplate",
    name: "url_pattern",
    file: "exportedTemplateUrlRules",
    body: urlRule(),
  },
];

const ruleCalls: EndpointCall[] = RULE_FAMILIES.flatMap(({ base, id, name, file, body }): EndpointCall[] => [
  {
    id: `get${id}s`,
    target: `${base}/a1`,
    holds: name,
    bad: [
      { target: `${base}/nobody`, status: 404 },
      { target: `${base}/a1?version=x`, status: 400 },
    ],
  },
  {
    id: `get${id}Ids`,
    target: `${base}/a1/ids`,
    holds: `["${name}"]`,
    bad: [{ target: `${base}/nobody/ids`, status: 404 }],
  },
  { id: `export${id}s`, target: `${base}/a1/export`, file: `${file}-forService-a1.json` },
  { id: `get${id}`, target: `${base}/a1/${name}/`, bad: [{ target: `${base}/a1/nothing`, status: 404 }] },
  {
    id: `export${id}`,
    target: `${base}/a1/export/${name}/`,
    file: `${file}-byId-${name}-forService-a1.json`,
    bad: [{ target: `${base}/a1/export/nothing`, status: 404 }],
  },
  ...["save", "put"].map((verb): EndpointCall => ({
    id: `${verb}${id}`,
    target: `${base}/a1/fresh/`,
    body,
    bad: [
      { body: "{", status: 400 },
      { body, type: "image/png", status: 415 },
      { body: "<if><equals", type: "application/xml", status: 400 },
      { body: { equals: [{ param: "os", value: "x" }] }, status: 400 },
      { target: `${base}/a2/fresh`, body, status: 409 },
    ],
  })),
  { id: `delete${id}`, target: `${base}/a1/${name}/`, bad: [{ target: `${base}/a1/nothing`, status: 404 }] },
]);

const rolloutCalls: EndpointCall[] = [
  {
    id: "getRollouts",
    target: "/rollouts/a1",
    holds: '"id":"next"',
    bad: [
      { target: "/rollouts/nobody", status: 404 },
      { target: "/rollouts/a1?version=x", status: 400 },
    ],
  },
  {
    id: "getRollout",
    target: "/rollouts/a1/next",
    holds: '"step":-1',
    bad: [{ target: "/rollouts/a1/nothing", status: 404 }],
  },
  {
    id: "saveRollout",
    target: "/rollouts/a1/fresh",
    body: rollout({ gate: { max_failing: 0.1, min_samples: 10 } }),
    holds: '"state":"running"',
    bad: [
      { body: "[]", status: 400 },
      { body: rollout({ state: "gone" }), status: 400 },
      { body: rollout({ steps: [5, 1] }), status: 400 },
      { body: rollout({ server: server("9.9", "next") }), status: 400 },
      { target: "/rollouts/a2/fresh", body: rollout({ server: server("1.0", "next") }), status: 409 },
    ],
  },
  {
    id: "deleteRollout",
    target: "/rollouts/a1/next",
    bad: [{ target: "/rollouts/a1/nothing", status: 404 }],
  },
];

const serverCalls: EndpointCall[] = [
  {
    id: "getDefaultServer",
    target: "/servers/a1/default",
    bad: [{ target: "/servers/nobody/default", status: 404 }],
  },
  {
    id: "saveDefaultServer",
    target: "/servers/a1/default",
    body: server("3.0"),
    bad: [
      { body: { name: "default", url: "{host}", path: "1.0" }, status: 400 },
      { body: server("2.0"), status: 400 },
    ],
  },
  {
    id: "exportDefaultServer",
    target: "/servers/export/a1/default/",
    file: "exportedServer-byId-default-forService-a1.json",
  },
  { id: "getDistribution", target: "/distributions/a1", holds: '"percent":10' },
  {
    id: "saveDistribution",
    target: "/distributions/a1",
    body: shares(30),
    bad: [
      { body: shares(100), status: 400 },
      { body: { rule: 7 }, status: 400 },
    ],
  },
  {
    id: "exportDistribution",
    target: "/distributions/export/a1",
    file: "exportedDistribution-forService-a1.json",
  },
  {
    id: "exportDistributionWithDefault",
    target: "/export/distribuionswithdefault/a1",
    file: "exportedDistributionWithDefault-forService-a1.json",
  },
  {
    id: "saveDistributionWithDefault",
    target: "/export/distribuionswithdefault/save/a1",
    body: { distribution: shares(30), defaultServer: server("1.0") },
    bad: [{ body: { distribution: shares(30), defaultServer: server("2.0") }, status: 400 }],
  },
  { id: "getDefaultUrlParams", target: "/urlRules/a1/defaultUrlParams" },
  {
    id: "saveDefaultUrlParams",
    target: "/urlRules/a1/urlParams/default/",
    body: { urlRule: { ...URL_PARAMS.urlRule, port: "8081" } },
    bad: [{ body: { urlRule: { ...URL_PARAMS.urlRule, protocol: "ftp" } }, status: 400 }],
  },
];

const whitelistCalls: EndpointCall[] = [
  { id: "getWhitelist", target: "/whitelist/a1", holds: '["/EU/z1","/EU/z2"]' },
  {
    id: "saveWhitelist",
    target: "/whitelist/a1",
    body: { paths: ["/EU/z1"] },
    bad: [{ body: { paths: ["EU/z1"] }, status: 400 }],
  },
  { id: "exportWhitelist", target: "/whitelist/export/a1", file: "exportedWhitelist-forService-a1.json" },
  { id: "addToWhitelist", target: "/whitelist/a1/addStacks", body: { paths: ["/EU/z4"] } },
  {
    id: "takeFromWhitelist",
    target: "/whitelist/a1/%2FEU%2Fz2,%2FEU%2Fz3",
    bad: [{ target: "/whitelist/a1/%2FEU%2Fz1,%2FEU%2Fz2,%2FEU%2Fz3", status: 400 }],
  },
  { id: "getWhitelistHistory", target: "/whitelistWithTimestamps/a1", holds: "/EU/z1" },
  { id: "deleteWhitelistHistory", target: "/whitelistWithTimestamps/a1" },
];

const listCalls: EndpointCall[] = [
  {
    id: "getNamedLists",
    target: "/namespacedLists/getAllNamespacedLists",
    holds: "people",
    bad: [{ target: "/namespacedLists/getAllNamespacedLists?version=77", status: 409 }],
  },
  {
    id: "getNamedListsWithoutValues",
    target: "/namespacedLists/getAllNamespacedListsWithoutValues",
    holds: '"valueCount":2',
  },
  {
    id: "getNamedList",
    target: "/namespacedLists/getOne/people",
    bad: [{ target: "/namespacedLists/getOne/nobody", status: 404 }],
  },
  { id: "searchNamedLists", target: "/namespacedLists/search/ann", holds: '"people"' },
  { id: "exportNamedLists", target: "/namespacedLists/export", file: "exportedNamespacedLists.json" },
  {
    id: "exportNamedList",
    target: "/namespacedLists/export/people",
    file: "exportedNamespacedLists-byId-people.json",
  },
  { id: "getRulesOfNamedLists", target: "/namespacedLists/dependingRulesMultiple/people,others" },
  { id: "getNamedListsVersion", target: "/namespacedLists/getVersion/", holds: "1" },
  {
    id: "saveNamedList",
    target: "/namespacedLists/addNewNamespaced/fresh/?autoResolve=true",
    body: { name: "fresh", type: "TEXT", valueSet: [{ value: "ann" }] },
    bad: [
      { body: { name: "other", type: "TEXT", valueSet: [] }, status: 400 },
      {
        target: "/namespacedLists/addNewNamespaced/fresh",
        body: { name: "fresh", type: "TEXT", valueSet: [{ value: "ann" }] },
        status: 400,
      },
      {
        target: "/namespacedLists/addNewNamespaced/nets?type=IP",
        body: "10.0.0.0/8\nx\n",
        type: "text/plain",
        status: 400,
      },
    ],
  },
  {
    id: "validateNamedList",
    target: "/namespacedLists/validate",
    body: { name: "fresh", type: "TEXT", valueSet: [] },
    bad: [{ body: { name: "a b", type: "TEXT", valueSet: [] }, status: 400 }],
  },
  {
    id: "findDuplicates",
    target: "/namespacedLists/duplicates",
    body: { name: "fresh", type: "TEXT", valueSet: [{ value: "ann" }] },
    holds: '"lists":["people"]',
    bad: [{ body: "[", status: 400 }],
  },
  {
    id: "addNamedListValues",
    target: "/namespacedLists/people/addValues",
    body: ["zoe"],
    holds: "zoe",
    bad: [
      { target: "/namespacedLists/nobody/addValues", body: ["zoe"], status: 404 },
      { body: [{}], status: 400 },
    ],
  },
  {
    id: "deleteNamedListValues",
    target: "/namespacedLists/deleteNamespacedEntities/people",
    body: "bob\nnobody\n",
    type: "text/plain",
    holds: '{"deleted":["bob"],"notFound":["nobody"]}',
    bad: [{ target: "/namespacedLists/deleteNamespacedEntities/nobody", body: ["bob"], status: 404 }],
  },
  {
    id: "deleteValuesEverywhere",
    target: "/namespacedLists/deleteEntitiesFromNamespacedLists/",
    body: ["bob"],
    holds: '"deleted":["bob"]',
    bad: [{ body: [null], status: 400 }],
  },
  {
    id: "deleteNamedList",
    target: "/namespacedLists/people/",
    bad: [{ target: "/namespacedLists/nobody", status: 404 }],
  },
];

const changeCalls: EndpointCall[] = [
  { suffix: "", base: "/changes/a1", version: PENDING },
  { suffix: "Offline", base: "/coreBackupChanges/a2", version: 9 },
].flatMap(({ suffix, base, version }): EndpointCall[] => {
  const isOnline = suffix === "";
  const old = version - 1;
  const missing = { status: 404, gives: "text/plain" } as const;
  return [
    { id: `getChanges${suffix}`, target: base, holds: isOnline ? "gamma" : "/EU/z9" },
    {
      id: `getNewIds${suffix}`,
      target: `${base}/newRuleIds/rule`,
      bad: [{ target: `${base}/newRuleIds/what`, status: 400 }],
    },
    {
      id: `exportChanges${suffix}`,
      target: `${base}/export`,
      file: `exportedPendingChanges-forService-${isOnline ? "a1" : "a2"}.json`,
    },
    {
      id: `exportChange${suffix}`,
      target: `${base}/export/rule/gamma`,
      ...(isOnline ? { file: "exportedPendingrule-byId-gamma-forService-a1.json" } : missing),
      bad: [{ target: `${base}/export/rule/nothing`, status: 404 }],
    },
    { id: `exportNextDistribution${suffix}`, target: `${base}/export/distributions/` },
    {
      id: `exportNextWhitelist${suffix}`,
      target: `${base}/export/stackmanagement/`,
      holds: isOnline ? "/EU/z3" : "/EU/z9",
    },
    { id: `previewDistribution${suffix}`, target: `${base}/preview/distribution` },
    { id: `previewWhitelist${suffix}`, target: `${base}/preview/stackmanagement` },
    {
      id: `validateWhitelistChanges${suffix}`,
      target: `${base}/stackmanagement/validate/${version}`,
      holds: "SUCCESS",
      bad: [{ target: `${base}/stackmanagement/validate/${old}`, ...OLD }],
    },
    ...["approve", "cancel"].flatMap((verb): EndpointCall[] => [
      {
        id: `${verb}Change${suffix}`,
        target: `${base}/rule/gamma/${version}`,
        ...(isOnline ? {} : missing),
        bad: [
          { target: `${base}/rule/gamma/${old}`, ...OLD },
          { target: `${base}/rule/nothing/${version}`, status: 404 },
          { target: `${base}/what/gamma/${version}`, status: 400 },
          { target: `${base}/rule/gamma/x`, status: 400 },
        ],
      },
      {
        id: `${verb}Distribution${suffix}`,
        target: `${base}/distribution/${version}`,
        ...(isOnline ? {} : missing),
        bad: [{ target: `${base}/distribution/${old}`, ...OLD }],
      },
      {
        id: `${verb}Whitelist${suffix}`,
        target: `${base}/stackmanagement/${version}`,
        bad: [{ target: `${base}/stackmanagement/${old}`, ...OLD }],
      },
    ]),
    ...["approve", "approveWithoutValidation", "cancel"].map((path): EndpointCall => ({
      id: `${path === "cancel" ? "cancelAll" : path.replace("approve", "approveAll")}${suffix}`,
      target: `${base}/${path}/${version}`,
      bad: [{ target: `${base}/${path}/${old}`, ...OLD }],
    })),
  ];
});

const listChangeCalls: EndpointCall[] = [
  { suffix: "", get: "/namespacedListChanges", base: "/namespacedListChanges", named: "" },
  {
    suffix: "Offline",
    get: "/redirectorOffline/getAllNamespacesChanges",
    base: "/redirectorOffline",
    named: "NamespacesChanges",
  },
].flatMap(({ suffix, get, base, named }): EndpointCall[] => [
  { id: `getListChanges${suffix}`, target: get },
  ...["approve", "cancel"].flatMap((verb): EndpointCall[] => {
    const all = `${verb}All${named}`;
    const missing = suffix === "" ? {} : ({ status: 404, gives: "text/plain" } as const);
    return [
      {
        id: `${verb}ListChange${suffix}`,
        target: `${base}/${verb}${named}/people/1`,
        ...missing,
        bad: [
          { target: `${base}/${verb}${named}/people/0`, ...OLD },
          { target: `${base}/${verb}${named}/nobody/1`, status: 404 },
        ],
      },
      {
        id: `${verb}AllListChanges${suffix}`,
        target: `${base}/${all}/1`,
        ...missing,
        bad: [{ target: `${base}/${all}/0`, ...OLD }],
      },
    ];
  }),
]);

const otherCalls: EndpointCall[] = [
  { id: "getAuthInfo", target: "/auth/authinfo", holds: "permitAll" },
  { id: "getServiceVersion", target: "/version", holds: "fairlead" },
  { id: "getServiceHealth", target: "/healthCheck", holds: "OK" },
  ...["login", "loginCallback", "logout"].map((id): EndpointCall => ({
    id,
    target: `/auth/${id === "loginCallback" ? "callback" : id}`,
    status: 404,
    holds: "there is no login here",
  })),
  {
    id: "getModelVersion",
    target: "/modelReload/getVersion/a1",
    holds: "2",
    bad: [{ target: "/modelReload/getVersion/nobody", status: 404 }],
  },
  {
    id: "reloadModel",
    target: "/modelReload/a1",
    holds: "3",
    bad: [{ target: "/modelReload/nobody", status: 404 }],
  },
  {
    id: "getStacksVersion",
    target: "/stacksReload/getVersion/a1",
    holds: "0",
    bad: [{ target: "/stacksReload/getVersion/nobody", status: 404 }],
  },
  {
    id: "reloadStacks",
    target: "/stacksReload/a1",
    holds: "1",
    bad: [{ target: "/stacksReload/nobody", status: 404 }],
  },
  { id: "getSettings", target: "/settings/redirectorConfig" },
  {
    id: "saveSettings",
    target: "/settings/redirectorConfig",
    body: { minHosts: 2, appMinHosts: 2 },
    bad: [{ body: { minHosts: -1 }, status: 400 }],
  },
  {
    id: "getRevisions",
    target: "/revisions/a1?limit=1",
    holds: '"version":2',
    bad: [{ target: "/revisions/a1?limit=x", status: 400 }],
  },
  { id: "getRevision", target: "/revisions/a1/1", bad: [{ target: "/revisions/a1/99", status: 404 }] },
  {
    id: "compareRevisions",
    target: "/revisions/a1/1/difference",
    holds: "ADD rule beta",
    bad: [{ target: "/revisions/a1/1/difference?to=99", status: 404 }],
  },
  {
    id: "revertToRevision",
    target: "/revisions/a1/1/revert",
    holds: '{"version":3}',
    bad: [{ target: "/revisions/a1/99/revert", status: 404 }],
  },
  { id: "getListRevisions", target: "/listRevisions", holds: '"version":1' },
  {
    id: "revertLists",
    target: "/listRevisions/1/revert",
    holds: '{"version":2}',
    bad: [{ target: "/listRevisions/9/revert", status: 404 }],
  },
  {
    id: "getAudit",
    target: "/audit?app=a1&limit=5",
    holds: '"is_intact":true',
    bad: [{ target: "/audit?limit=x", status: 400 }],
  },
  {
    id: "decide",
    target: "/decide/a1?explain=1",
    body: { os: "linux" },
    holds: '"rule":"beta"',
    bad: [
      { body: { os: ["linux"] }, status: 400 },
      { target: "/decide/a1?model=other", body: {}, status: 400 },
    ],
  },
  {
    id: "replay",
    target: "/replay/a1",
    body: [{ os: "linux" }],
    holds: '"clients":1',
    bad: [{ body: {}, status: 400 }],
  },
  {
    id: "getProblems",
    target: "/problems/a1?model=next",
    holds: "SUCCESS",
    bad: [{ target: "/problems/nobody", status: 404 }],
  },
  {
    id: "importBulk",
    target: "/bulk/a1",
    body: '{"whitelist": "/EU/z4"}\n',
    type: "application/x-ndjson",
    holds: "ADD whitelist /EU/z4",
    bad: [{ body: '{"whitelist": 4}\n', type: "application/x-ndjson", status: 400 }],
  },
  {
    id: "exportBulk",
    target: "/bulk/a1",
    holds: '{"whitelist":"/EU/z1"}',
    bad: [{ target: "/bulk/nobody", status: 404 }],
  },
  { id: "getGateways", target: "/gateways", holds: '"is_converged":true' },
  ...["get", "clear"].map((verb): EndpointCall => ({
    id: `${verb}Traces`,
    target: "/traces/a1",
    status: 404,
    gives: "text/plain",
    holds: "redirect.session_traces",
  })),
  { id: "getServiceOpenApi", target: "/openapi.json", holds: "3.1.0" },
];

const NOBODY = (target: string) => [{ target, status: 404 }];

const stackCalls: EndpointCall[] = [
  { id: "getStacks", target: "/stacks/", holds: "/EU/z8/9.0" },
  { id: "getStacksOfApplication", target: "/stacks/a1/", holds: "/EU/z1/1.0", bad: NOBODY("/stacks/nobody") },
  { id: "exportStacks", target: "/stacks/a1/export", file: "exportedStacks-forService-a1.json" },
  {
    id: "getAddresses",
    target: "/stacks/a1/addresses?stackName=/EU/z1&flavorName=1.0",
    holds: "10.0.0.1",
    bad: [{ target: "/stacks/a1/addresses", status: 400 }],
  },
  {
    id: "getRandomAddress",
    target: "/stacks/a1/addresses/random/?flavorName=1.0",
    holds: "10.0.0.1",
    bad: [{ target: "/stacks/a1/addresses/random?flavorName=7", status: 404 }],
  },
  {
    id: "deleteStacks",
    target: "/stacks/deleteStacks",
    body: { paths: [{ serviceName: "a1", stack: [{ value: "/EU/z8/9.0" }] }] },
    bad: [{ body: { paths: [{ serviceName: "a1", stack: [{ value: "/EU/nowhere/9.0" }] }] }, status: 400 }],
  },
  { id: "getStackSetVersion", target: "/stacks/getVersion/" },
  {
    id: "getStackComment",
    target: "/stackComments/getOne/a1?path=/EU/z1",
    holds: "be careful",
    bad: [{ target: "/stackComments/getOne/a1?path=/EU/nowhere", status: 400 }],
  },
  {
    id: "saveStackComment",
    target: "/stackComments/post/a1?path=/EU/z1",
    body: { comment: "all is well" },
    bad: [{ target: "/stackComments/post/a1?path=/EU/nowhere", body: { comment: "x" }, status: 400 }],
  },
];

const testCase = (name: string) => ({
  testName: name,
  application: "a1",
  parameters: [{ name: "os", values: [{ value: "linux" }] }],
  expected: { rule: "beta" },
});

const trialCalls: EndpointCall[] = [
  { id: "getTestCases", target: "/testSuite/a1/", holds: "t1", bad: NOBODY("/testSuite/nobody") },
  { id: "exportTestCases", target: "/testSuite/export/a1", file: "exportedTestCases-forService-a1.json" },
  {
    id: "exportTestCase",
    target: "/testSuite/export/a1/t1",
    file: "exportedTestCases-byId-t1-forService-a1.json",
    bad: NOBODY("/testSuite/export/a1/nothing"),
  },
  { id: "getTestCase", target: "/testSuite/a1/t1/", bad: NOBODY("/testSuite/a1/nothing") },
  {
    id: "saveTestCase",
    target: "/testSuite/a1/t2/",
    body: testCase("t2"),
    bad: [{ body: "[", status: 400 }],
  },
  { id: "deleteTestCases", target: "/testSuite/a1/t1", holds: "t1", bad: NOBODY("/testSuite/a1/nothing") },
  {
    id: "runTestCase",
    target: "/testSuite/a1/t1/CURRENT",
    holds: "PASSED",
    bad: [{ target: "/testSuite/a1/t1/LATER", status: 400 }],
  },
  {
    id: "runGeneratedTests",
    target: "/testSuite/runAuto/a1/NEXT",
    holds: "PASSED",
    bad: [{ target: "/testSuite/runAuto/a1/EXTERNAL_REST?baseURL=http://192.0.2.1/", status: 400 }],
  },
  { id: "getGeneratedTests", target: "/endToEnd/testCases/a1", bad: NOBODY("/endToEnd/testCases/nobody") },
  {
    id: "calculateTraffic",
    target: "/traffic/a1",
    body: {
      totalNumberConnections: 10_000,
      connectionThreshold: 500,
      hostsMode: "ALL_WHITELISTED",
      distributionMode: "CURRENT",
    },
    bad: [{ body: { hostsMode: "SOME" }, status: 400 }],
  },
  ...["Current", "Next"].map((which): EndpointCall => ({
    id: `get${which}Traffic`,
    target: `/traffic/${which.toLowerCase()}/a1/10000/900/true`,
    bad: [{ target: `/traffic/${which.toLowerCase()}/a1/many/900/true`, status: 400 }],
  })),
  {
    id: "getSummary",
    target: "/summary/a1/people/",
    holds: "release",
    bad: NOBODY("/summary/nobody/people"),
  },
];

const applicationCalls: EndpointCall[] = [
  { id: "getApplicationNames", target: "/redirectorService/applicationNames", holds: "a1" },
  { id: "getRegisteredApplications", target: "/redirectorService/getAllRegisteredApps", holds: "a1" },
  {
    id: "getInstances",
    target: "/redirectorService/a1/instances/",
    bad: NOBODY("/redirectorService/nobody/instances"),
  },
  { id: "getModelStates", target: "/redirectorInitModel/", holds: "a1" },
  {
    id: "startRedirection",
    target: "/redirectorInitModel/a3/",
    bad: [
      { target: "/redirectorInitModel/a1", status: 409 },
      { target: "/redirectorInitModel/nobody", status: 404 },
    ],
  },
  {
    id: "validateFirstModel",
    target: "/redirectorInitModel/a3/validate",
    bad: NOBODY("/redirectorInitModel/nobody/validate"),
  },
  { id: "hasAnyValidModel", target: "/redirectorInitModel/validModelExists", holds: "true" },
  { id: "hasValidModel", target: "/redirectorInitModel/validModelExists/a3", holds: "false" },
  { id: "getFirstModelDetails", target: "/redirectorInitModel/defaultModelConstructionDetails/a3/" },
  {
    id: "getOutdatedRules",
    target: "/templates/outdated/a1",
    bad: NOBODY("/templates/outdated/nobody"),
  },
  {
    id: "resyncRules",
    target: "/templates/resync/a1",
    body: [],
    bad: [{ body: ["nothing"], status: 404 }],
  },
];

/** All but those for work without the store. */
export const ORDINARY_CALLS: readonly EndpointCall[] = [
  ...ruleCalls,
  ...rolloutCalls,
  ...serverCalls,
  ...whitelistCalls,
  ...listCalls,
  ...changeCalls,
  ...listChangeCalls,
  ...stackCalls,
  ...trialCalls,
  ...applicationCalls,
  ...otherCalls,
];
