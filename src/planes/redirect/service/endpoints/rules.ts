/** Flavor rules, URL rules, and the templates of both: four families with the same endpoints. */
import type { Edit } from "../../../../core/redirect/changes/pending.ts";
import type { CheckFacts } from "../../../../core/redirect/checks/facts.ts";
import { templateDeletionProblems } from "../../../../core/redirect/checks/deletion.ts";
import type { Problem } from "../../../../core/redirect/checks/problem.ts";
import {
  ruleProblemsAtSave,
  ruleTemplateProblems,
  urlRuleProblems,
  urlRuleTemplateProblems,
} from "../../../../core/redirect/checks/rules.ts";
import type { DocumentKind } from "../../../../core/redirect/documents/kind.ts";
import {
  ruleDocument,
  rulesDocument,
  savedUrlRuleDocument,
  urlRulesDocument,
} from "../../../../core/redirect/documents/rule_documents.ts";
import type { Destination, RedirectModel, Rule, UrlParams } from "../../../../core/redirect/model.ts";
import type { AppView } from "../app_view.ts";
import { checkFactsOf } from "../app_view.ts";
import { expectVersion, MODEL_VERSION_QUERY } from "../current_version.ts";
import { giveJson } from "../http/answer.ts";
import type { Call } from "../http/call.ts";
import { document, type Endpoint, json } from "../http/endpoint.ts";
import { ServiceError } from "../service_error.ts";
import { giveSaved } from "./saved.ts";

type FamilyKind = "rule" | "url_rule" | "rule_template" | "url_rule_template";

interface Family<Result> {
  readonly kind: FamilyKind;
  /** Below the base: `/rules`. */
  readonly path: string;
  /** In ids of endpoints: `FlavorRule`. */
  readonly id: string;
  readonly words: string;
  readonly permission: string;
  readonly exported: string;
  rules(model: RedirectModel): readonly Rule<Result>[];
  one(id: string | null): DocumentKind<Rule<Result>>;
  readonly all: DocumentKind<readonly Rule<Result>[]>;
  problems(rule: Rule<Result>, facts: CheckFacts): Problem[];
  deletionProblems(id: string, view: AppView): Problem[];
}

/** URL rules alone, without the defaults that the gateway's document has beside them. */
const urlRulesAlone: DocumentKind<readonly Rule<UrlParams>[]> = {
  ...urlRulesDocument,
  read: (node, reading) => urlRulesDocument.read(node, reading)?.rules ?? null,
  write: (rules, format) => urlRulesDocument.write({ rules, default_url: null }, format),
};

const FLAVOR_RULES: Family<Destination> = {
  kind: "rule",
  path: "/rules",
  id: "FlavorRule",
  words: "flavor rule",
  permission: "rules",
  exported: "exportedRules",
  rules: ({ rules }) => rules,
  one: ruleDocument,
  all: rulesDocument,
  problems: ruleProblemsAtSave,
  deletionProblems: () => [],
};

const URL_RULES: Family<UrlParams> = {
  kind: "url_rule",
  path: "/urlRules",
  id: "UrlRule",
  words: "URL rule",
  permission: "urlRules",
  exported: "exportedUrlRules",
  rules: ({ url_rules }) => url_rules,
  one: savedUrlRuleDocument,
  all: urlRulesAlone,
  problems: urlRuleProblems,
  deletionProblems: () => [],
};

const FLAVOR_TEMPLATES: Family<Destination> = {
  kind: "rule_template",
  path: "/templates/rules",
  id: "FlavorTemplate",
  words: "template of flavor rules",
  permission: "templates",
  exported: "exportedTemplateRules",
  rules: ({ rule_templates }) => rule_templates,
  one: ruleDocument,
  all: rulesDocument,
  problems: ruleTemplateProblems,
  deletionProblems: (id, view) => templateDeletionProblems(id, "rule_templates", view),
};

const URL_TEMPLATES: Family<UrlParams> = {
  kind: "url_rule_template",
  path: "/templates/urlRules",
  id: "UrlTemplate",
  words: "template of URL rules",
  permission: "templates",
  exported: "exportedTemplateUrlRules",
  rules: ({ url_rule_templates }) => url_rule_templates,
  one: savedUrlRuleDocument,
  all: urlRulesAlone,
  problems: urlRuleTemplateProblems,
  deletionProblems: (id, view) => templateDeletionProblems(id, "url_rule_templates", view),
};

export const ruleEndpoints: readonly Endpoint[] = [
  ...familyEndpoints(FLAVOR_RULES),
  ...familyEndpoints(URL_RULES),
  ...familyEndpoints(FLAVOR_TEMPLATES),
  ...familyEndpoints(URL_TEMPLATES),
];

function familyEndpoints<Result>(family: Family<Result>): Endpoint[] {
  return [...readingEndpoints(family), ...writingEndpoints(family)];
}

function readingEndpoints<Result>(family: Family<Result>): Endpoint[] {
  const { path, id, words, permission, exported, one, all } = family;
  return [
    {
      id: `get${id}s`,
      method: "GET",
      path: `${path}/{app}`,
      summary: `All approved ${words}s`,
      permission,
      query: MODEL_VERSION_QUERY,
      gives: document(`The ${words}s.`),
      async handle(call, service) {
        const view = await service.view(call.app);
        expectVersion(call, view);
        return call.give(all, family.rules(view.approved));
      },
    },
    {
      id: `get${id}Ids`,
      method: "GET",
      path: `${path}/{app}/ids`,
      summary: `Names of all approved ${words}s`,
      permission,
      gives: json("A list of names."),
      async handle(call, service) {
        const { approved } = await service.view(call.app);
        return giveJson(family.rules(approved).map((rule) => rule.id));
      },
    },
    {
      id: `export${id}s`,
      method: "GET",
      path: `${path}/{app}/export`,
      summary: `All approved ${words}s as a file`,
      permission,
      gives: document("The file."),
      async handle(call, service) {
        const { approved } = await service.view(call.app);
        return call.export(all, family.rules(approved), `${exported}-forService-${call.app}`);
      },
    },
    {
      id: `get${id}`,
      method: "GET",
      path: `${path}/{app}/{id}`,
      summary: `One approved ${words}`,
      permission,
      gives: document(`The ${words}.`),
      async handle(call, service) {
        return call.give(one(null), found(family, call, await service.view(call.app)));
      },
    },
    {
      id: `export${id}`,
      method: "GET",
      path: `${path}/{app}/export/{id}`,
      summary: `One approved ${words} as a file`,
      permission,
      gives: document("The file."),
      async handle(call, service) {
        const rule = found(family, call, await service.view(call.app));
        return call.export(one(null), rule, `${exported}-byId-${rule.id}-forService-${call.app}`);
      },
    },
  ];
}

function writingEndpoints<Result>(family: Family<Result>): Endpoint[] {
  const { kind, path, id, words, permission, one } = family;
  const save = (method: "POST" | "PUT"): Endpoint => ({
    id: `${method === "POST" ? "save" : "put"}${id}`,
    method,
    path: `${path}/{app}/{id}`,
    summary: `Saves a ${words} as a pending change`,
    permission,
    takes: document(`The ${words}.`),
    gives: document(`The ${words} as it was saved.`),
    status: 201,
    async handle(call, service) {
      const name = call.parameter("id");
      const rule = { ...call.document(one(name)), id: name };
      const saved = await service.editing.save(call.app, call.act, (view) => ({
        edits: [{ kind, id: name, value: rule } as unknown as Edit],
        problems: family.problems(rule, checkFactsOf(view)),
      }));
      return giveSaved(call.give(one(null), rule, 201), saved);
    },
  });
  return [
    save("POST"),
    save("PUT"),
    {
      id: `delete${id}`,
      method: "DELETE",
      path: `${path}/{app}/{id}`,
      summary: `Takes a ${words} away: a pending change`,
      permission,
      gives: json("The version of the pending changes."),
      async handle(call, service) {
        const name = call.parameter("id");
        const saved = await service.editing.save(call.app, call.act, (view) => {
          const isThere = [view.approved, view.next].some((model) =>
            family.rules(model).some((rule) => rule.id === name),
          );
          if (!isThere) throw notFound(family, name);
          return {
            edits: [{ kind, id: name, value: null } as Edit],
            problems: family.deletionProblems(name, view),
          };
        });
        return giveSaved(giveJson({ version: saved.pending.version }), saved);
      },
    },
  ];
}

function found<Result>(family: Family<Result>, call: Call, { approved }: AppView): Rule<Result> {
  const name = call.parameter("id");
  const rule = family.rules(approved).find((each) => each.id === name);
  if (rule === undefined) throw notFound(family, name);
  return rule;
}

function notFound({ words }: Pick<Family<unknown>, "words">, id: string): ServiceError {
  return new ServiceError(404, `there is no ${words} ${id}`);
}
