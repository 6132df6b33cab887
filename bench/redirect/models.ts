/** The models and lists that are measured: rules that demand a key, hosts with weights, values of lists. */
import {
  conditionOf,
  literalOf,
  modelOf,
  ruleOf,
  serverOf,
  to,
} from "../../src/core/redirect/test_decider.ts";
import type { StackHosts } from "../../src/core/redirect/hosts.ts";
import type { NamedList, RedirectModel } from "../../src/core/redirect/model.ts";

export const APP = "a1";
/** What clients send. */
export const PARAMETER = "serviceAccountId";
export const LIST = "accounts";
/** Where clients in the list go. */
export const LIST_TARGET = "http://listed.example:8080/app";
const FLAVORS = 10;

/** The text that rule `index` demands. */
export const keyOf = (index: number): string => `key-${String(index).padStart(5, "0")}`;
export const ruleName = (index: number): string => `rule-${String(index).padStart(5, "0")}`;
const flavorOf = (index: number): string => `${(index % FLAVORS) + 1}.0`;
const addressOf = (flavor: number, host: number): string => `10.${flavor}.${host >> 8}.${host & 255}`;

/** Where a peer without hosts sends clients of rule `index`. */
export const targetOf = (index: number): string =>
  `http://${addressOf((index % FLAVORS) + 1, 1)}:8080/app?ruleName=${ruleName(index)}`;

/** So many rules, each for one key; `marker` makes models differ. */
export function keyRules(count: number, marker = ""): RedirectModel {
  const rules = Array.from({ length: count }, (_, index) =>
    ruleOf(
      ruleName(index),
      [conditionOf("equals", { param: PARAMETER, value: keyOf(index) })],
      to(serverOf(flavorOf(index), { name: `${ruleName(index)}${marker}` })),
    ),
  );
  return modelOf({ rules });
}

/** The same with one rule more, for clients whose key is in the list. */
export function withListRule(model: RedirectModel): RedirectModel {
  const inList = ruleOf(
    "listed",
    [conditionOf("contains", { param: PARAMETER, lists: [LIST] })],
    to(literalOf(LIST_TARGET)),
  );
  return { ...model, rules: [...model.rules, inList] };
}

/** Ten flavors on one stack with `hosts` hosts in all. */
export function stacksOf(hosts: number, weight: (host: number) => number): StackHosts[] {
  return Array.from({ length: FLAVORS }, (_, flavor) => ({
    stack: "/EU/z1",
    flavor: `${flavor + 1}.0`,
    hosts: Array.from({ length: hosts / FLAVORS }, (_host, host) => {
      const ipv4 = addressOf(flavor + 1, host + 1);
      return { key: ipv4, ipv4, ipv6: null, weight: weight(host) };
    }),
  }));
}

/** Value `index` of the list: as accounts have them, in no order. */
export function valueOf(index: number): string {
  const mixed = Math.imul(index + 1, 0x9e3779b1) >>> 0;
  return `acct-${mixed.toString(16).padStart(8, "0")}${index.toString(36)}`;
}

export function listOfSize(size: number): NamedList {
  const values = Array.from({ length: size }, (_, index) => ({ value: valueOf(index), encoded: null }));
  return { name: LIST, description: null, type: "TEXT", version: 1, values };
}
