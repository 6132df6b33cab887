/** A tree of the original for tests, as nodes with their values: one application with all that it can have, and one that is only known. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import {
  ruleDocument,
  selectServerDocument,
  urlRuleDocument,
  urlRulesDocument,
} from "../../../core/redirect/documents/rule_documents.ts";
import { serverDocument } from "../../../core/redirect/documents/servers.ts";
import { distributionDocument } from "../../../core/redirect/documents/distribution.ts";
import type { DocumentKind } from "../../../core/redirect/documents/kind.ts";
import { defaultUrlDocument } from "../../../core/redirect/documents/url_params.ts";
import { readXml, writeXml } from "../documents/xml.ts";

const GOLDEN = join(import.meta.dir, "../../../../test/golden/redirect");
const LIMITS = { max_model_bytes: 1 << 22 };
const encoder = new TextEncoder();

export const goldenFile = (name: string): Uint8Array => new Uint8Array(readFileSync(join(GOLDEN, name)));

function golden<Value>(name: string, kind: DocumentKind<Value>): Value {
  return readXml(kind, [goldenFile(name)], LIMITS).value!;
}

export const SELECT_SERVER = golden("selectserver.xml", selectServerDocument);
export const URL_RULES = golden("urlrules.xml", urlRulesDocument);

/** Ids of the rules as a HashMap of openjdk 17 gives them back. */
export const RULES_IN_JAVA = [
  "shares",
  "addresses",
  "beta_testers",
  "delimited",
  "orders",
  "literal_values",
  "nested",
] as const;
export const URL_RULES_IN_JAVA = ["blank", "tls"] as const;

const HEAD = '<?xml version="1.0" encoding="UTF-8"?>';
const SERVER = "<server><name>t</name><url>{protocol}://{host}:{port}/{urn}</url><path>2.1</path></server>";

/** Documents as the original's service writes them to its store. */
const TEXTS: Readonly<Record<string, string>> = {
  whitelisted: `${HEAD}<whitelisted><paths>/EU/z1</paths><paths>/US/z_2</paths></whitelisted>`,
  whitelistedUpdates: `${HEAD}<whitelistedUpdates><paths><entry><key>/EU/z1</key><value><path>/EU/z1</path><updated>1700000000000</updated><action>ADD</action></value></entry></paths></whitelistedUpdates>`,
  "stackComments/_EU_z1": `${HEAD}<stackComment><comment>moved to the new racks</comment></stackComment>`,
  "stackComments/_US_z_2": `${HEAD}<stackComment><comment>small</comment></stackComment>`,
  "testCases/beta": `${HEAD}<testCase><testName>beta</testName><application>a1</application><parameters><parameter><name>mac</name><values><value>m1</value></values></parameter></parameters><expected><flavor>2.1</flavor></expected></testCase>`,
  "templateRules/kept": `${HEAD}<if id="kept"><equals><param>model</param><value>t</value></equals><return>${SERVER}</return></if>`,
  "templateUrlRules/kept": `${HEAD}<if id="kept"><equals><param>secure</param><value>1</value></equals><return><urlRule><port>443</port></urlRule></return></if>`,
  pendingChangesStatus: `${HEAD}<pending><version>3</version><pathRules><entry><key>fresh</key><value><id>fresh</id><changeType>ADD</changeType><changedExpression xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="ifExpression" id="fresh"><equals><param>model</param><value>new</value></equals><return>${SERVER}</return></changedExpression></value></entry></pathRules><templatePathRules/><templateUrlPathRules/><urlRules/><urlParams/><servers/><distributions/><whitelisted><entry><key>/EU/z1</key><value><id>/EU/z1</id><changeType>DELETE</changeType><currentExpression><value>/EU/z1</value></currentExpression></value></entry></whitelisted></pending>`,
  CoreBackupPendingChangesStatus: `${HEAD}<pending><version>0</version><urlParams><entry><key>default</key><value><id>default</id><changeType>UPDATE</changeType><changedExpression><urlRule><urn>other</urn><protocol>http</protocol><port>81</port><ipProtocolVersion>4</ipProtocolVersion></urlRule></changedExpression></value></entry></urlParams></pending>`,
};

const LIST_CHANGES = `${HEAD}<namespaceChangeStatus><namespaceChanges><entry><key name="beta" version="9"><type>TEXT</type><value>account-9</value></key><value>UPDATE</value></entry><entry><key name="staff" version="9"><type>TEXT</type></key><value>DELETE</value></entry></namespaceChanges></namespaceChangeStatus>`;

const LISTS: Readonly<Record<string, string>> = {
  beta: `${HEAD}<namespaced_list name="beta" version="5"><description>testers</description><type>TEXT</type><value>account-1</value><value>account-2</value></namespaced_list>`,
  networks: `${HEAD}<namespaced_list name="networks" version="6"><type>IP</type><value>10.0.0.0/8</value></namespaced_list>`,
  macs: `${HEAD}<namespaced_list name="macs" version="7"><type>ENCODED</type><value>abc</value></namespaced_list>`,
};

/** Values by path, parents before what is below them; some are compressed, as the original can be told to. */
export function originalTree(): Map<string, Uint8Array> {
  const root = "/Redirector/services/a1";
  const nodes = new Map<string, Uint8Array>();
  const put = (path: string, text: string): void => void nodes.set(path, encoder.encode(text));
  const putCompressed = (path: string, text: string): void =>
    void nodes.set(path, new Uint8Array(gzipSync(encoder.encode(text))));
  // Curator gives nodes that were made without a value the address of the machine.
  for (const folder of ["rules", "urlRules", "testCases", "stackComments"])
    put(`${root}/${folder}`, "10.0.0.9");
  for (const rule of SELECT_SERVER.rules) put(`${root}/rules/${rule.id}`, writeXml(ruleDocument(), rule));
  for (const rule of URL_RULES.rules) put(`${root}/urlRules/${rule.id}`, writeXml(urlRuleDocument(), rule));
  const { shares, default_server } = SELECT_SERVER.distribution!;
  put(`${root}/distribution`, writeXml(distributionDocument, { shares, default_server: null }));
  put(`${root}/server/default`, writeXml(serverDocument, default_server!));
  put(`${root}/urlParams/default`, writeXml(defaultUrlDocument, URL_RULES.default_url!));
  for (const [name, text] of Object.entries(TEXTS)) {
    if (name.startsWith("pending")) putCompressed(`${root}/${name}`, text);
    else put(`${root}/${name}`, text);
  }
  for (const name of ["modelChanged", "stacksReload", "modelRefresh"]) put(`${root}/${name}`, "");
  put("/Redirector/services/known/locks/pendingChangesStatus", "");
  putCompressed("/Redirector/services/namespacesChanges/CoreBackupNamespacesChangesStatus", LIST_CHANGES);
  put("/namespacedList", "");
  for (const [name, text] of Object.entries(LISTS)) putCompressed(`/namespacedList/${name}`, text);
  put(
    "/xreconfig",
    `${HEAD}<redirectorConfig version="2"><minHosts>3</minHosts><appMinHosts>1</appMinHosts></redirectorConfig>`,
  );
  put("/PartnerDecider/partners", "<partners/>");
  put("/dataVersions/servicesChanged", "");
  return nodes;
}
