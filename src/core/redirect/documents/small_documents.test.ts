import { expect, test } from "bun:test";
import { applicationsDocument, modelMetadataDocument, stacksDocument } from "./gateway_files.ts";
import { readJson, writeJson, type DocumentKind } from "./kind.ts";
import { gatewayListsDocument, gatewayListsOf, namedListsDocument } from "./named_lists.ts";
import { documentProblemText, type Read } from "./reading.ts";
import {
  servicePathsDocument,
  settingsDocument,
  stackCommentDocument,
  testCaseDocument,
  testCasesDocument,
} from "./service_documents.ts";
import { trafficQuestionDocument } from "./traffic.ts";
import { whitelistDocument, whitelistUpdatesDocument } from "./whitelist.ts";

const texts = ({ problems, warnings }: Read<unknown>): string[] =>
  [...problems, ...warnings].map(documentProblemText);

/** The document is written from the value, and the value read from the document. */
function same<Value>(kind: DocumentKind<Value>, document: unknown, value: Value): void {
  const read = readJson(kind, document);
  expect(texts(read)).toEqual([]);
  expect(read.value).toEqual(value);
  expect(writeJson(kind, value)).toEqual(document);
}

test("a whitelist", () => {
  same(whitelistDocument, { paths: ["/EU/a", "/EU/b"] }, ["/EU/a", "/EU/b"]);
  same(whitelistDocument, { paths: [] }, []);
  const read = readJson(whitelistDocument, { paths: ["EU/z1", "", "/EU/z1/x", "/EU/z1", "/EU/z1"] });
  expect(read.value).toEqual(["/EU/z1"]);
  expect(texts(read)).toEqual([
    'paths[0] "EU/z1": expected the path of a stack, such as /EU/z1',
    'paths[1] "": expected the path of a stack, such as /EU/z1',
    'paths[2] "/EU/z1/x": expected the path of a stack, such as /EU/z1',
  ]);
});

test("updates of a whitelist, whatever they are wrapped in", () => {
  const value = { path: "/EU/a", updated: 1_700_000_000_000, action: "ADD" as const };
  const entry = [{ key: "/EU/a", value }];
  same(whitelistUpdatesDocument, { paths: { entry } }, [value]);
  expect(readJson(whitelistUpdatesDocument, { paths: { whitelistedUpdates: { entry } } }).value).toEqual([
    value,
  ]);
  expect(readJson(whitelistUpdatesDocument, { entry }).value).toEqual([value]);
  const wrong = readJson(whitelistUpdatesDocument, {
    entry: [{ key: "/EU/a", value: { action: "MOVE" } }, ...entry],
  });
  expect(wrong.value).toEqual([value]);
  expect(texts(wrong)).toEqual([
    'update: entry[0].value has the action "MOVE"; expected one of ADD, UPDATE, DELETE',
  ]);
});

test("lists as the service gives them, and what the gateway keeps of them", () => {
  const document = {
    version: 0,
    dataNodeVersion: 7,
    namespace: [
      { name: "beta", type: "TEXT", version: 1_710_000_000_000, valueSet: [{ value: "account-1" }] },
      {
        name: "macs",
        type: "ENCODED",
        version: 2,
        description: "set-top boxes",
        valueSet: [{ value: "abc", encodedValue: "900150983CD24FB0D6963F7D28E17F72" }],
      },
      { name: "none", type: "IP", version: 3, valueSet: [] },
    ],
  };
  const read = readJson(namedListsDocument, document);
  expect(texts(read)).toEqual([]);
  same(namedListsDocument, document, read.value!);
  same(
    gatewayListsDocument,
    {
      dataNodeVersion: 7,
      namespacedLists: { beta: ["account-1"], macs: ["900150983CD24FB0D6963F7D28E17F72"], none: [] },
    },
    gatewayListsOf(read.value!),
  );
});

test("lists with problems are left out and named", () => {
  const read = readJson(namedListsDocument, {
    namespace: [
      { name: "a", valueCount: 1, valueSet: ["x"] },
      { name: "a", valueSet: [] },
      { valueSet: [] },
      { name: "b", type: "LIST" },
      { name: "c", valueSet: [{}] },
      { name: "d", valueSet: [{ value: " " }], version: "now" },
    ],
  });
  expect(read.value?.lists).toEqual([
    { name: "a", description: null, type: "TEXT", version: 0, values: [{ value: "x", encoded: null }] },
  ]);
  expect(texts(read)).toEqual([
    'namespace[1] has the name "a", which another list has',
    "namespace[2] has no name; expected the name of the list",
    'list b: namespace[3].type "LIST": expected one of TEXT, IP, ENCODED',
    "list c: namespace[4].valueSet[0] has no value; expected a text",
    'list d: namespace[5].version "now": expected a whole number of at least 0',
    "list d: namespace[5].valueSet[0] is blank and was passed over",
  ]);
});

test("small files of the gateway", () => {
  same(applicationsDocument, { apps: ["xreGuide", "a1"] }, ["xreGuide", "a1"]);
  same(modelMetadataDocument, { version: 12 }, 12);
  expect(texts(readJson(modelMetadataDocument, {}))).toEqual([
    "the document has no version; expected a whole number",
  ]);
  same(
    stacksDocument,
    {
      version: 0,
      snapshotList: [
        {
          path: "/EU/z1/1.0/a1",
          hosts: [
            { ipv4: "10.0.0.1", ipv6: "2001:db8::1", weight: "10.0" },
            { id: "h:80", ipv4: "h" },
          ],
        },
        { path: "/EU/z2/1.0/a1", hosts: [] },
      ],
    },
    [
      {
        path: "/EU/z1/1.0/a1",
        hosts: [
          { id: null, ipv4: "10.0.0.1", ipv6: "2001:db8::1", weight: "10.0" },
          { id: "h:80", ipv4: "h", ipv6: null, weight: null },
        ],
      },
      { path: "/EU/z2/1.0/a1", hosts: [] },
    ],
  );
  const wrong = readJson(stacksDocument, {
    snapshotList: [{ path: "/EU/z1/1.0" }, { path: "/a/b/c/d", hosts: [{}] }],
  });
  expect(wrong.value).toEqual([]);
  expect(texts(wrong)).toEqual([
    'stack: snapshotList[0] has the path "/EU/z1/1.0"; expected one such as /EU/z1/1.0/application',
    "stack: snapshotList[1].hosts[0] has no address; expected ipv4 or ipv6",
  ]);
});

test("settings and paths of services", () => {
  const settings = { version: 1, minHosts: 2, appMinHosts: 3 };
  same(settingsDocument, settings, { version: 1, min_hosts: 2, app_min_hosts: 3 });
  const count = { value: "/EU/a/2.1", nodes: 3, nodesWhitelisted: 2 };
  same(
    servicePathsDocument,
    { paths: [{ serviceName: "app1", stack: [count], flavor: [{ ...count, value: "2.1" }] }] },
    [
      {
        service: "app1",
        stacks: [{ value: "/EU/a/2.1", nodes: 3, nodes_whitelisted: 2 }],
        flavors: [{ value: "2.1", nodes: 3, nodes_whitelisted: 2 }],
      },
    ],
  );
});

test("test cases", () => {
  const document = {
    testName: "beta goes to 2.1",
    application: "a1",
    parameters: [{ name: "serviceAccountId", values: [{ value: "account-1" }, { value: "account-2" }] }],
    expected: { port: "443", flavor: "2.1", appliedUrlRules: ["tls", "Default"] },
  };
  const value = {
    name: "beta goes to 2.1",
    application: "a1",
    parameters: [{ name: "serviceAccountId", values: ["account-1", "account-2"] }],
    expected: { port: "443", flavor: "2.1" },
    applied_url_rules: ["tls", "Default"],
  };
  same(testCaseDocument, document, value);
  same(testCasesDocument, { items: [document] }, [value]);
  const read = readJson(testCasesDocument, {
    items: { testCase: [{ ...document, distribution: {} }, { application: "a" }] },
  });
  expect(read.value).toEqual([value]);
  expect(texts(read)).toEqual(["items.testCase[1] has no testName; expected the name of the test case"]);
});

test("comments on stacks, and questions to the traffic calculator", () => {
  same(stackCommentDocument, { comment: "drained on Mondays" }, "drained on Mondays");
  expect(texts(readJson(stackCommentDocument, {}))).toEqual(["the document has no comment; expected a text"]);
  const adjusted = {
    flavor: "2.0",
    numberOfHostsToAdjust: 3,
    adjustedThreshold: -12.5,
    adjustedWeight: 11,
    defaultWeight: 10,
  };
  const question = {
    adjustedTrafficInputParams: {
      adjustedTrafficCalculationMode: "ADJUSTED_WEIGHT",
      distributions: [adjusted],
    },
    connectionThreshold: 500,
    totalNumberConnections: 10_000,
    hostsMode: "ONLY_ACTIVE_WHITELISTED",
    distributionMode: "NEXT",
  };
  const adjustment = {
    flavor: "2.0",
    hosts: 3,
    addition_percent: -12.5,
    adjusted_weight: 11,
    default_weight: 10,
  };
  same(trafficQuestionDocument, question, {
    connections: 10_000,
    threshold: 500,
    hosts: "ONLY_ACTIVE_WHITELISTED",
    distribution: "NEXT",
    adjust: "ADJUSTED_WEIGHT",
    adjustments: [adjustment],
  });
  // A form that nobody has filled in, as the original's page sends it.
  const blank = { adjustedTrafficCalculationMode: "", defaultServer: { flavor: "" }, distributions: [] };
  const plain = readJson(trafficQuestionDocument, { adjustedTrafficInputParams: blank });
  expect(plain.value).toEqual({
    connections: 0,
    threshold: 0,
    hosts: "ALL_WHITELISTED",
    distribution: "CURRENT",
    adjust: "NONE",
    adjustments: [],
  });
  expect(texts(readJson(trafficQuestionDocument, { hostsMode: "SOME", connectionThreshold: -1 }))).toEqual([
    'connectionThreshold "-1": expected a whole number of at least 0',
    'the document has the hostsMode "SOME": expected one of ALL_WHITELISTED, ONLY_ACTIVE_WHITELISTED',
  ]);
});
