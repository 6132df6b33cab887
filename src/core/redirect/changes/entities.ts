/** The parts of a model that are edited one by one: what may be changed, approved and cancelled by itself. */
import type { Destination, RedirectModel, Rule, Server, Share, UrlParams } from "../model.ts";

/** What an entity of each kind is; kinds with one entity alone have the id `default`. */
export interface EntityValues {
  readonly rule: Rule<Destination>;
  readonly rule_template: Rule<Destination>;
  readonly url_rule: Rule<UrlParams>;
  readonly url_rule_template: Rule<UrlParams>;
  readonly default_url: UrlParams;
  readonly default_server: Server;
  /** All shares: a percentage means something only beside the others. */
  readonly distribution: readonly Share[];
  /** A stack; its id is the path. */
  readonly whitelist: true;
}

export type EntityKind = keyof EntityValues;

/** Id of what there is only one of. */
export const ONLY_ID = "default";

interface Entity<Value> {
  /** Ids of the entities that the model has, in order. */
  ids(model: RedirectModel): readonly string[];
  /** Null where the model has none. */
  get(model: RedirectModel, id: string): Value | null;
  /** The model with another value in its place, a new one behind the others, or without it. */
  set(model: RedirectModel, id: string, value: Value | null): RedirectModel;
}

type RuleKey = "rules" | "rule_templates" | "url_rules" | "url_rule_templates";
type RuleOf<Key extends RuleKey> = RedirectModel[Key][number];

function rulesUnder<Key extends RuleKey>(key: Key): Entity<RuleOf<Key>> {
  const rulesOf = (model: RedirectModel): readonly RuleOf<Key>[] => model[key];
  return {
    ids: (model) => rulesOf(model).map(({ id }) => id),
    get: (model, wanted) => rulesOf(model).find(({ id }) => id === wanted) ?? null,
    set(model, id, value) {
      const rules = rulesOf(model);
      const place = rules.findIndex((rule) => rule.id === id);
      if (value === null) return { ...model, [key]: rules.filter((rule) => rule.id !== id) };
      return { ...model, [key]: place < 0 ? [...rules, value] : rules.with(place, value) };
    },
  };
}

const defaultUrl: Entity<UrlParams> = {
  ids: ({ default_url }) => (default_url === null ? [] : [ONLY_ID]),
  get: ({ default_url }) => default_url,
  set: (model, _id, default_url) => ({ ...model, default_url }),
};

const defaultServer: Entity<Server> = {
  ids: ({ default_server }) => (default_server === null ? [] : [ONLY_ID]),
  get: ({ default_server }) => default_server,
  set: (model, _id, default_server) => ({ ...model, default_server }),
};

export const ENTITIES: { readonly [Kind in EntityKind]: Entity<EntityValues[Kind]> } = {
  rule: rulesUnder("rules"),
  rule_template: rulesUnder("rule_templates"),
  url_rule: rulesUnder("url_rules"),
  url_rule_template: rulesUnder("url_rule_templates"),
  default_url: defaultUrl,
  default_server: defaultServer,
  distribution: {
    ids: ({ distribution }) => (distribution.length === 0 ? [] : [ONLY_ID]),
    get: ({ distribution }) => (distribution.length === 0 ? null : distribution),
    set: (model, _id, value) => ({ ...model, distribution: value ?? [] }),
  },
  whitelist: {
    ids: ({ whitelist }) => whitelist,
    get: ({ whitelist }, path) => (whitelist.includes(path) ? true : null),
    set(model, path, value) {
      const others = model.whitelist.filter((each) => each !== path);
      if (value === null) return { ...model, whitelist: others };
      return model.whitelist.includes(path) ? model : { ...model, whitelist: [...others, path] };
    },
  },
};

export const ENTITY_KINDS = Object.keys(ENTITIES) as EntityKind[];

/** For code that handles entities of any kind: values go back where they came from. */
export function entityOf(kind: EntityKind): Entity<unknown> {
  return ENTITIES[kind] as Entity<unknown>;
}
