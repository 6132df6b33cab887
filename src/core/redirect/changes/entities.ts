/** The parts of a model that are edited one by one: what may be changed, approved and cancelled by itself. */
import type { Destination, RedirectModel, Rollout, Rule, Server, Share, UrlParams } from "../model.ts";

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
  readonly rollout: Rollout;
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

type NamedKey = "rules" | "rule_templates" | "url_rules" | "url_rule_templates" | "rollouts";
type NamedOf<Key extends NamedKey> = RedirectModel[Key][number];

/** What has ids of its own, in a list whose order matters. */
function namedUnder<Key extends NamedKey>(key: Key): Entity<NamedOf<Key>> {
  const allOf = (model: RedirectModel): readonly NamedOf<Key>[] => model[key];
  return {
    ids: (model) => allOf(model).map(({ id }) => id),
    get: (model, wanted) => allOf(model).find(({ id }) => id === wanted) ?? null,
    set(model, id, value) {
      const all = allOf(model);
      const place = all.findIndex((one) => one.id === id);
      if (value === null) return { ...model, [key]: all.filter((one) => one.id !== id) };
      return { ...model, [key]: place < 0 ? [...all, value] : all.with(place, value) };
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
  rule: namedUnder("rules"),
  rule_template: namedUnder("rule_templates"),
  url_rule: namedUnder("url_rules"),
  url_rule_template: namedUnder("url_rule_templates"),
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
  rollout: namedUnder("rollouts"),
};

export const ENTITY_KINDS = Object.keys(ENTITIES) as EntityKind[];

/** For code that handles entities of any kind: values go back where they came from. */
export function entityOf(kind: EntityKind): Entity<unknown> {
  return ENTITIES[kind] as Entity<unknown>;
}
