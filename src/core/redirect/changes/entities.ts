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
  /** As `get`, made for many ids of one model. */
  index(model: RedirectModel): (id: string) => Value | null;
  /** The model with other values in their places, new ones behind the others, and without those that are null. */
  setAll(model: RedirectModel, values: ReadonlyMap<string, Value | null>): RedirectModel;
}

/** For kinds that a model has one of. */
function single<Value>(
  get: (model: RedirectModel) => Value | null,
  put: (model: RedirectModel, value: Value | null) => RedirectModel,
): Entity<Value> {
  return {
    ids: (model) => (get(model) === null ? [] : [ONLY_ID]),
    get,
    index: (model) => () => get(model),
    setAll: (model, values) => [...values.values()].reduce(put, model),
  };
}

type NamedKey = "rules" | "rule_templates" | "url_rules" | "url_rule_templates" | "rollouts";
type NamedOf<Key extends NamedKey> = RedirectModel[Key][number];

/** What has ids of its own, in a list whose order matters. */
function namedUnder<Key extends NamedKey>(key: Key): Entity<NamedOf<Key>> {
  const allOf = (model: RedirectModel): readonly NamedOf<Key>[] => model[key];
  return {
    ids: (model) => allOf(model).map(({ id }) => id),
    get: (model, wanted) => allOf(model).find(({ id }) => id === wanted) ?? null,
    index(model) {
      const byId = new Map<string, NamedOf<Key>>();
      for (const one of allOf(model)) if (!byId.has(one.id)) byId.set(one.id, one);
      return (id) => byId.get(id) ?? null;
    },
    setAll(model, values) {
      const fresh = new Map(values);
      const kept: NamedOf<Key>[] = [];
      for (const one of allOf(model)) {
        const value = values.get(one.id);
        if (value === undefined) kept.push(one);
        // Where two have one id, as only a damaged model has, the first is replaced.
        else if (value !== null) kept.push(fresh.delete(one.id) ? value : one);
        else fresh.delete(one.id);
      }
      for (const value of fresh.values()) if (value !== null) kept.push(value);
      return { ...model, [key]: kept };
    },
  };
}

export const ENTITIES: { readonly [Kind in EntityKind]: Entity<EntityValues[Kind]> } = {
  rule: namedUnder("rules"),
  rule_template: namedUnder("rule_templates"),
  url_rule: namedUnder("url_rules"),
  url_rule_template: namedUnder("url_rule_templates"),
  default_url: single(
    ({ default_url }) => default_url,
    (model, default_url) => ({ ...model, default_url }),
  ),
  default_server: single(
    ({ default_server }) => default_server,
    (model, default_server) => ({ ...model, default_server }),
  ),
  distribution: single(
    ({ distribution }) => (distribution.length === 0 ? null : distribution),
    (model, value) => ({ ...model, distribution: value ?? [] }),
  ),
  whitelist: {
    ids: ({ whitelist }) => whitelist,
    get: ({ whitelist }, path) => (whitelist.includes(path) ? true : null),
    index({ whitelist }) {
      const paths = new Set(whitelist);
      return (path) => (paths.has(path) ? true : null);
    },
    setAll(model, values) {
      const listed = new Set(model.whitelist);
      const kept = model.whitelist.filter((path) => values.get(path) !== null);
      const fresh = [...values].filter(([path, value]) => value !== null && !listed.has(path));
      return { ...model, whitelist: [...kept, ...fresh.map(([path]) => path)] };
    },
  },
  rollout: namedUnder("rollouts"),
};

export const ENTITY_KINDS = Object.keys(ENTITIES) as EntityKind[];

/** For code that handles entities of any kind: values go back where they came from. */
export function entityOf(kind: EntityKind): Entity<unknown> {
  return ENTITIES[kind] as Entity<unknown>;
}
