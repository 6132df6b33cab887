/** Documents of the original's web service that are no models: settings, paths of services, test cases. */
import { Fields, textOf, trimmed, valueOf } from "./fields.ts";
import type { DocumentKind } from "./kind.ts";
import type { DocumentNode } from "./node.ts";
import type { Reading } from "./reading.ts";
import { attribute, group, listedTexts, listOf, optionalText, text, type Written } from "./written.ts";

/** How many hosts a model must leave to be accepted. */
export interface RedirectSettings {
  /** For the application `xreGuide`. */
  readonly min_hosts: number;
  /** For all others. */
  readonly app_min_hosts: number;
  readonly version: number;
}

/** `{"minHosts": 1, "appMinHosts": 1, "version": 0}` */
export const settingsDocument: DocumentKind<RedirectSettings> = {
  name: "settings",
  roots: ["redirectorConfig"],
  read(node, reading) {
    const fields = new Fields(node, reading);
    const settings = {
      min_hosts: fields.whole("minHosts", 0, 0, Number.MAX_SAFE_INTEGER, "MinHostsInvalid"),
      app_min_hosts: fields.whole("appMinHosts", 0, 0, Number.MAX_SAFE_INTEGER, "MinHostsInvalid"),
      version: fields.whole("version", 0),
    };
    fields.done();
    return settings;
  },
  write: ({ min_hosts, app_min_hosts, version }) => [
    attribute("version", version),
    text("minHosts", min_hosts),
    text("appMinHosts", app_min_hosts),
  ],
};

/** A stack with a flavor, or a flavor, and how many hosts it has. */
export interface PathCount {
  readonly value: string;
  readonly nodes: number;
  readonly nodes_whitelisted: number;
}

export interface ServicePaths {
  readonly service: string;
  readonly stacks: readonly PathCount[];
  readonly flavors: readonly PathCount[];
}

/** `{"paths": [{"serviceName": "a1", "stack": […], "flavor": […]}]}` */
export const servicePathsDocument: DocumentKind<readonly ServicePaths[]> = {
  name: "paths of services",
  roots: ["servicePaths"],
  read(node, reading) {
    const fields = new Fields(node, reading);
    const services = fields.all("paths").map((paths) => readPaths(paths, reading));
    fields.done();
    return services;
  },
  write: (services) =>
    listOf(
      "paths",
      services.map(({ service, stacks, flavors }) => [
        attribute("serviceName", service),
        ...stacks.map((count) => writeCount("stack", count)),
        ...flavors.map((count) => writeCount("flavor", count)),
      ]),
    ),
};

function readPaths(node: DocumentNode, reading: Reading): ServicePaths {
  const fields = new Fields(node, reading);
  const paths = {
    service: fields.text("serviceName") ?? "",
    stacks: fields.all("stack").flatMap((stack) => readCount(stack, reading) ?? []),
    flavors: fields.all("flavor").flatMap((flavor) => readCount(flavor, reading) ?? []),
  };
  fields.done();
  return paths;
}

/** In XML the path is the text of the element. */
function readCount(node: DocumentNode, reading: Reading): PathCount | null {
  return reading.part(null, () => {
    const fields = new Fields(node, reading);
    const value = fields.text("value") ?? (node.text === null ? "" : trimmed(textOf(node, reading)));
    if (value === "") reading.problem(node, "has no value; expected a path");
    const nodes = fields.whole("nodes", 0);
    const nodesWhitelisted = fields.whole("nodesWhitelisted", 0);
    fields.done();
    return { value, nodes, nodes_whitelisted: nodesWhitelisted };
  });
}

function writeCount(key: string, { value, nodes, nodes_whitelisted }: PathCount): Written {
  const members = [attribute("nodes", nodes), attribute("nodesWhitelisted", nodes_whitelisted)];
  return { form: "content", key, value, attributes: members };
}

/** Parts of an answer by the original's names; those that are not given are not compared. */
export const EXPECTED_PARTS = [
  "protocol",
  "port",
  "ipVersion",
  "urn",
  "xreStack",
  "flavor",
  "rule",
  "responseType",
] as const;
export type ExpectedPart = (typeof EXPECTED_PARTS)[number];

export interface TestCase {
  readonly name: string;
  readonly application: string;
  readonly parameters: readonly { readonly name: string; readonly values: readonly string[] }[];
  readonly expected: Readonly<Partial<Record<ExpectedPart, string>>>;
  readonly applied_url_rules: readonly string[];
}

export const testCaseDocument: DocumentKind<TestCase> = {
  name: "a test case",
  roots: ["testCase"],
  read: readTestCase,
  write: writeTestCase,
};

/** `{"comment": "drained on Mondays"}`: what somebody says of a stack. */
export const stackCommentDocument: DocumentKind<string> = {
  name: "a comment on a stack",
  roots: ["stackComment", "comment"],
  read(node, reading) {
    const fields = new Fields(node, reading);
    const comment = fields.required("comment", "a text");
    fields.done();
    return comment;
  },
  write: (comment) => [text("comment", comment)],
};

/** `{"items": […]}` */
export const testCasesDocument: DocumentKind<readonly TestCase[]> = {
  name: "test cases",
  roots: ["testCases"],
  read(node, reading) {
    const fields = new Fields(node, reading);
    const cases = unwrapped(fields, "items", "testCase", reading).flatMap(
      (item) => readTestCase(item, reading) ?? [],
    );
    fields.done();
    return cases;
  },
  write: (cases) => [{ form: "wrapped", key: "items", entry: "testCase", entries: cases.map(writeTestCase) }],
};

/** Entries of a JSON array, or elements in an element that wraps them. */
function unwrapped(fields: Fields, key: string, entry: string, reading: Reading): DocumentNode[] {
  return fields.all(key).flatMap((node) => {
    if (node.isListed) return [node];
    const inner = new Fields(node, reading);
    const entries = inner.all(entry);
    inner.done();
    return entries;
  });
}

function readTestCase(node: DocumentNode, reading: Reading): TestCase | null {
  const fields = new Fields(node, reading);
  const name = fields.filled("testName");
  return reading.part(name === null ? null : `test case ${name}`, () => {
    if (name === null) reading.problem(node, "has no testName; expected the name of the test case");
    const expected = fields.one("expected");
    const testCase = {
      name: name ?? "",
      application: fields.text("application") ?? "",
      parameters: unwrapped(fields, "parameters", "parameter", reading).map((each) =>
        readParameter(each, reading),
      ),
      ...(expected === null ? { expected: {}, applied_url_rules: [] } : readExpected(expected, reading)),
    };
    // The rule that a generated case was made for: nobody reads it.
    fields.ignore("distribution", "ifexpression");
    fields.done();
    return testCase;
  });
}

function readParameter(node: DocumentNode, reading: Reading): TestCase["parameters"][number] {
  const fields = new Fields(node, reading);
  const name = fields.required("name", "the name of a parameter");
  const values = fields.all("values").map((value) => valueOf(value, reading));
  fields.done();
  return { name, values };
}

function readExpected(
  node: DocumentNode,
  reading: Reading,
): Pick<TestCase, "expected" | "applied_url_rules"> {
  const fields = new Fields(node, reading);
  const expected: Partial<Record<ExpectedPart, string>> = {};
  for (const part of EXPECTED_PARTS) {
    const value = fields.filled(part);
    if (value !== null) expected[part] = value;
  }
  const rules = fields.all("appliedUrlRules").map((rule) => valueOf(rule, reading));
  fields.done();
  return { expected, applied_url_rules: rules };
}

function writeTestCase({ name, application, parameters, expected, applied_url_rules }: TestCase): Written[] {
  const parts = EXPECTED_PARTS.flatMap((part) => optionalText(part, expected[part] ?? null));
  const entries = parameters.map((parameter) => [
    text("name", parameter.name),
    ...parameter.values.map((value): Written => ({ form: "content", key: "values", value, attributes: [] })),
  ]);
  return [
    text("testName", name),
    text("application", application),
    { form: "wrapped", key: "parameters", entry: "parameter", entries },
    group("expected", [
      ...parts,
      ...(applied_url_rules.length === 0 ? [] : listedTexts("appliedUrlRules", applied_url_rules)),
    ]),
  ];
}
