/**
 * Fuzz entry of the original redirector's documents: any bytes as JSON and as XML of every kind. What is found is collected, never
 * thrown, and what was read is the same when it is written and read again, in both formats.
 */
import { documentKinds } from "../../src/core/redirect/documents/all.ts";
import {
  readJson,
  readJsonText,
  writeJson,
  type DocumentKind,
} from "../../src/core/redirect/documents/kind.ts";
import { documentProblemText, type Read } from "../../src/core/redirect/documents/reading.ts";
import { readXml, writeXml } from "../../src/planes/redirect/documents/xml.ts";
import type { FuzzEntry, Outcome } from "./engine.ts";

const LIMITS = { max_model_bytes: 65_536 };
const XML_LIMITS = { ...LIMITS, elements: 5_000, text: 16_384 };
const encoder = new TextEncoder();

function check(holds: boolean, broken: string): void {
  if (!holds) throw new Error(broken);
}

/** The last three bytes choose the kind, whether it is JSON or XML, and where the document is cut; the rest is the document. */
function run(bytes: Uint8Array): Outcome {
  const end = Math.max(0, bytes.length - 3);
  const [choice = 0, format = 0, cut = 0] = bytes.subarray(end);
  const document = bytes.subarray(0, end);
  const kind = documentKinds[choice % documentKinds.length]!;
  const at = Math.min(cut, document.length);
  const pieces = [document.subarray(0, at), document.subarray(at)];
  const isXml = format % 2 === 1;
  const read = isXml ? readXml(kind, pieces, XML_LIMITS) : readJsonText(kind, pieces, LIMITS);
  if (at > 0) {
    const whole = isXml ? readXml(kind, [document], XML_LIMITS) : readJsonText(kind, [document], LIMITS);
    check(Bun.deepEquals(whole.value, read.value), "a document in two pieces reads differently");
    check(whole.problems.length === read.problems.length, "a document in two pieces has other problems");
  }
  checkFindings(read);
  if (read.value === null) return `${isXml} ${kind.name} refused`;
  checkBack(kind, read.value);
  return `${isXml} ${kind.name} ${read.problems.length > 0} ${read.warnings.length > 0} ${JSON.stringify(read.value).length > 60}`;
}

function checkFindings({ value, problems, warnings }: Read<unknown>): void {
  check(value !== null || problems.length > 0, "a refusal without a reason");
  for (const finding of [...problems, ...warnings]) {
    const text = documentProblemText(finding);
    check(
      !text.includes("\n") && text.length < 1_000,
      `a finding that is no sentence: ${text.slice(0, 200)}`,
    );
    const { position } = finding;
    check(position === null || (position.line >= 1 && position.column >= 1), "a place before the document");
  }
}

function checkBack<Value>(kind: DocumentKind<Value>, value: Value): void {
  const json = readJson(kind, JSON.parse(JSON.stringify(writeJson(kind, value))));
  check(
    json.value !== null && json.problems.length === 0,
    `what is written as JSON has problems: ${first(json)}`,
  );
  const again = readJson(kind, writeJson(kind, json.value!));
  check(Bun.deepEquals(again.value, json.value), "what is written as JSON reads differently");
  if (kind.roots.length === 0) return;
  const xml = readXml(kind, [encoder.encode(writeXml(kind, value))], { max_model_bytes: 10_000_000 });
  check(
    xml.value !== null && xml.problems.length === 0,
    `what is written as XML has problems: ${first(xml)}`,
  );
  const twice = readXml(kind, [encoder.encode(writeXml(kind, xml.value!))], { max_model_bytes: 10_000_000 });
  check(Bun.deepEquals(twice.value, xml.value), "what is written as XML reads differently");
  // Lists in the store have no encoded values, so only what has none must be the same in both.
  if (!kind.name.includes("list")) {
    const first = readXml(kind, [encoder.encode(writeXml(kind, json.value!))], {
      max_model_bytes: 10_000_000,
    });
    check(Bun.deepEquals(first.value, json.value), "JSON and XML read differently");
  }
}

function first({ problems }: Read<unknown>): string {
  return problems[0] === undefined ? "none" : documentProblemText(problems[0]);
}

const RULE = `{"id":"r","equals":[{"param":"a","value":"1","caseSensitive":"true"}],"contains":[{"param":"b","values":["x"],"namespacedList":[{"value":"l"}]}],"percent":[{"value":"12.5"}],"if":[{"isEmpty":{"param":"c"},"return":{"serverGroup":[{"enablePrivate":"true","countDownTime":"-1","server":[{"url":"u"}]}]}}]}`;
const RULE_XML = `<if id="r" templateName="t"><and><contains negation="true"><param>a</param><values delimeter=";">x;y</values></contains><matches><param>b</param><pattern>c.*</pattern></matches></and><return><server isNonWhitelisted="true"><name>s</name><url>{protocol}://{host}:{port}/{urn}</url><path>1.0</path><query><entry><key>k</key><value>&lt;v&gt;</value></entry></query></server></return></if>`;
const URL_RULE = `{"id":"u","xor":[{"random":[{"value":5}],"lessThan":{"param":"v","value":1.9,"type":"version"}}],"return":{"urlRule":[{"port":"443","ipProtocolVersion":6}]}}`;

/** Texts by the names of kinds: those that begin with a brace are JSON. */
const SEEDS: Readonly<Record<string, readonly string[]>> = {
  "a flavor rule": [RULE, RULE_XML],
  "flavor rules": [`{"if":[${RULE},${RULE}]}`, `<selectServer>${RULE_XML}<!-- c --></selectServer>`],
  "flavor rules with a distribution": [
    `<?xml version="1.0"?><selectServer>${RULE_XML}<distribution><rule><id>0</id><percent>20</percent><server><url>u</url></server></rule><server><url>d</url></server></distribution></selectServer>`,
  ],
  "a URL rule": [URL_RULE],
  "URL rules": [`{"if":[${URL_RULE}],"default":{"urlRule":{"urn":"shell","port":"1"}}}`],
  "a server": ['{"url":"u","path":"1.0","query":{"a":"b"}}'],
  "default URL parameters": ["<default><urlRule><urn>a</urn></urlRule></default>"],
  "a distribution": ['{"rule":[{"id":0,"percent":"1e1","server":{"url":"u"}}],"server":{"url":"d"}}'],
  "a distribution with its default server": ['{"distribution":{"rule":[]},"defaultServer":{"url":"d"}}'],
  "a whitelist": ['{"paths":["/EU/a"]}', "<whitelisted><paths>/EU/a</paths></whitelisted>"],
  "updates of a whitelist": [
    '{"paths":{"entry":[{"key":"/a/b","value":{"path":"/a/b","updated":1,"action":"ADD"}}]}}',
  ],
  "a named list": [
    '<namespaced_list name="l" version="1"><value>a</value><type>ENCODED</type></namespaced_list>',
  ],
  "named lists": [
    '{"dataNodeVersion":7,"namespace":[{"name":"l","type":"IP","version":1,"valueSet":[{"value":"10.0.0.1"}]}]}',
  ],
  "the gateway's named lists": ['{"dataNodeVersion":1,"namespacedLists":{"l":["a"],"m":[]}}'],
  "pending changes": [
    `{"version":3,"pathRules":{"entry":[{"key":"r","value":{"id":"r","changeType":"UPDATE","changedExpression":${RULE},"currentExpression":${RULE}}}]},"distributions":{"entry":[{"key":"0","value":{"id":"0","changeType":"ADD","changedExpression":{"id":0,"percent":5,"server":{"url":"u"}}}}]}}`,
    `<pending version="3"><urlParams><entry><key>default</key><value><id>default</id><changeType>UPDATE</changeType><changedExpression><urlRule><urn>a</urn></urlRule></changedExpression></value></entry></urlParams><servers/><whitelisted><entry><key>/a/b</key><value><id>/a/b</id><changeType>DELETE</changeType><currentExpression><value>/a/b</value></currentExpression></value></entry></whitelisted></pending>`,
  ],
  "changes of named lists": [
    '{"namespaceChanges":{"entry":[{"key":{"name":"l","type":"TEXT","version":1,"valueSet":[{"value":"a"}]},"value":"ADD"}]}}',
    '<namespaceChangeStatus><namespaceChanges><entry><key name="l" version="1"><type>IP</type><value>10.0.0.1</value></key><value>DELETE</value></entry></namespaceChanges></namespaceChangeStatus>',
  ],
  "a question to the traffic calculator": [
    '{"totalNumberConnections":100,"connectionThreshold":5,"hostsMode":"ALL_WHITELISTED","distributionMode":"NEXT","adjustedTrafficInputParams":{"adjustedTrafficCalculationMode":"ADJUSTED_TRAFFIC","distributions":[{"flavor":"1.0","numberOfHostsToAdjust":1,"adjustedThreshold":"-2.5"}]}}',
  ],
  "a comment on a stack": ['{"comment":"a"}', "<stackComment><comment>a</comment></stackComment>"],
  "names of applications": ['{"apps":["a1"]}'],
  "the version of a model": ['{"version":3}'],
  "hosts by stack": [
    '{"version":0,"snapshotList":[{"path":"/a/b/c/d","hosts":[{"ipv4":"10.0.0.1","weight":"5"}]}]}',
  ],
  settings: ['<redirectorConfig version="1"><minHosts>1</minHosts></redirectorConfig>'],
  "paths of services": ['{"paths":[{"serviceName":"a","stack":[{"value":"/a/b/c","nodes":1}]}]}'],
  "a test case": [
    '{"testName":"t","parameters":[{"name":"p","values":[{"value":"1"}]}],"expected":{"appliedUrlRules":["r"]}}',
  ],
  "the snapshot of a model": [
    `{"application":"a1","version":3,"pathRules":{"if":[${RULE}]},"whitelisted":{"paths":["/EU/a"]}}`,
    `<snapshot><application>a1</application><pathRules>${RULE_XML}</pathRules></snapshot>`,
  ],
  "snapshots of all applications": [
    '{"snapshots":[{"application":"a1"}],"applicationsNames":{"appNames":["a1"]},"namespaces":{"namespace":[]},"redirectorConfig":{"minHosts":1}}',
    "<dataSnapshot><snapshots><application>a1</application></snapshots></dataSnapshot>",
  ],
  "test cases": ["<testCases><items><testCase><testName>t</testName></testCase></items></testCases>"],
};

function seeds(): Uint8Array[] {
  return documentKinds.flatMap(({ name }, index) => {
    const texts = SEEDS[name];
    if (texts === undefined) throw new Error(`${name}: has no texts to begin with`);
    return texts.map((text) => {
      const bytes = encoder.encode(text);
      return Uint8Array.of(...bytes, index, text.startsWith("{") ? 0 : 1, bytes.length % 256);
    });
  });
}

export const redirectDocuments: FuzzEntry = {
  name: "redirect_documents",
  run,
  seeds,
  tokens: [
    '"if":[',
    '"return":{',
    '"inOrder":true,',
    '"missing":"false",',
    '"salt":"",',
    '"priority":1e2,',
    "<if>",
    "</if>",
    "<return/>",
    "<![CDATA[",
    "]]>",
    "<!--",
    "-->",
    "<!DOCTYPE x [",
    "<!ENTITY a 'b'>",
    "&amp;",
    "&#13;",
    "&a;",
    "null",
    "[]",
    "{}",
    "12,5",
    "__proto__",
    "constructor",
    ' xmlns:xsi="x"',
    "\\u0000",
    "\u{1f600}",
  ],
};
