/** Documents with rules: one rule, flavor rules with or without the distribution, URL rules. Templates have the same form. */
import type { Destination, Rule, UrlParams } from "../model.ts";
import { type Distribution, readDistribution, writeDistribution } from "./distribution.ts";
import { readMembers } from "./fields.ts";
import type { DocumentKind } from "./kind.ts";
import { readRule, type ResultForm, RuleSet, writeRule } from "./rules.ts";
import { destinationForm } from "./servers.ts";
import { readDefaultUrl, savedUrlParamsForm, urlParamsForm, writeDefaultUrl } from "./url_params.ts";
import { group, listOf, type Written } from "./written.ts";

/** One rule by itself. `id` is its name where the document has none: in the REST interface it stands in the path. */
export function ruleDocument(id: string | null = null): DocumentKind<Rule<Destination>> {
  return oneRule("a flavor rule", destinationForm, id);
}

export function urlRuleDocument(id: string | null = null): DocumentKind<Rule<UrlParams>> {
  return oneRule("a URL rule", urlParamsForm, id);
}

/** The same as somebody saves it, with numbers that only the checks judge. */
export function savedUrlRuleDocument(id: string | null = null): DocumentKind<Rule<UrlParams>> {
  return oneRule("a URL rule", savedUrlParamsForm, id);
}

function oneRule<Result>(
  name: string,
  form: ResultForm<Result>,
  id: string | null,
): DocumentKind<Rule<Result>> {
  return {
    name,
    roots: ["if"],
    read: (node, reading) => readRule(node, form, reading, id),
    write: (rule) => writeRule(rule, form),
  };
}

/** `{"if": […]}` */
export const rulesDocument: DocumentKind<readonly Rule<Destination>[]> = {
  name: "flavor rules",
  roots: ["selectServer"],
  read(node, reading) {
    const set = new RuleSet(destinationForm, reading);
    readMembers(node, reading, { if: (rule) => set.add(rule) });
    return set.rules;
  },
  write: (rules) => writeRules(rules, destinationForm),
};

export interface SelectServer {
  readonly rules: readonly Rule<Destination>[];
  /** Null where the document has none. */
  readonly distribution: Distribution | null;
}

/** `selectserver.xml`: flavor rules, distribution and default server. */
export const selectServerDocument: DocumentKind<SelectServer> = {
  name: "flavor rules with a distribution",
  roots: ["selectServer"],
  read(node, reading) {
    const set = new RuleSet(destinationForm, reading);
    let distribution: Distribution | null = null;
    readMembers(node, reading, {
      if: (rule) => set.add(rule),
      distribution(found) {
        if (distribution !== null) reading.problem(found, "stands here for the second time; expected one");
        else distribution = readDistribution(found, reading);
      },
    });
    return { rules: set.rules, distribution };
  },
  write: ({ rules, distribution }) => [
    ...writeRules(rules, destinationForm),
    ...(distribution === null ? [] : [group("distribution", writeDistribution(distribution))]),
  ],
};

export interface UrlRules {
  readonly rules: readonly Rule<UrlParams>[];
  /** Null where the document has none. */
  readonly default_url: UrlParams | null;
}

/** `{"if": […], "default": {"urlRule": …}}` */
export const urlRulesDocument: DocumentKind<UrlRules> = {
  name: "URL rules",
  roots: ["urlRules"],
  read(node, reading) {
    const set = new RuleSet(urlParamsForm, reading);
    let defaultUrl: UrlParams | null = null;
    readMembers(node, reading, {
      if: (rule) => set.add(rule),
      default: (found) => (defaultUrl = readDefaultUrl(found, reading)),
    });
    return { rules: set.rules, default_url: defaultUrl };
  },
  write: ({ rules, default_url }) => [
    ...writeRules(rules, urlParamsForm),
    ...(default_url === null ? [] : [group("default", writeDefaultUrl(default_url))]),
  ],
};

function writeRules<Result>(rules: readonly Rule<Result>[], form: ResultForm<Result>): Written[] {
  return listOf(
    "if",
    rules.map((rule) => writeRule(rule, form)),
  );
}
