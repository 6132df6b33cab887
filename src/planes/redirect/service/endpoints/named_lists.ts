/** Named lists: values under a name, for all applications. */
import { type Use, usesOfList } from "../../../../core/redirect/checks/deletion.ts";
import {
  duplicatesOf,
  listProblems,
  resolveDuplicates,
} from "../../../../core/redirect/checks/named_lists.ts";
import type { Problem } from "../../../../core/redirect/checks/problem.ts";
import { namedListDocument, namedListsDocument } from "../../../../core/redirect/documents/named_lists.ts";
import type { NamedList } from "../../../../core/redirect/model.ts";
import type { AppView } from "../app_view.ts";
import { expectVersionOf } from "../current_version.ts";
import type { ListEdit } from "../editing.ts";
import { giveJson, giveText, type ServiceAnswer } from "../http/answer.ts";
import type { Call } from "../http/call.ts";
import { document, type Endpoint, json, text } from "../http/endpoint.ts";
import type { ListsView, ListWish } from "../list_editing.ts";
import type { Service } from "../service.ts";
import { refuseErrors } from "../editing.ts";
import { ServiceError } from "../service_error.ts";
import { encodedList, listIn, valuesIn } from "./list_bodies.ts";

const PERMISSION = "namespacedLists";
const LIVE = { live: "`true`: it acts at once, for those with the permission `write-namespacedListsLive`." };

/** Lists that whoever asks may read. */
function readable(call: Call, lists: readonly NamedList[]): NamedList[] {
  return lists.filter(({ name }) => mayRead(call, name));
}

function mayRead({ who }: Call, name: string): boolean {
  return who.permissions.allows({ mode: "read", endpoint: PERMISSION, entity: name, app: null });
}

function listNamed(lists: readonly NamedList[], name: string): NamedList {
  const list = lists.find((each) => each.name === name);
  if (list === undefined) throw new ServiceError(404, `there is no list ${name}`);
  return list;
}

/** Saves as a pending change, or live for those who may. */
async function save(
  call: Call,
  service: Service,
  make: (view: ListsView) => ListWish | Promise<ListWish>,
): Promise<ListsView> {
  const isLive = call.query.get("live") === "true";
  if (isLive) call.expectPermission("write", "namespacedListsLive");
  return service.lists.save(call.act, isLive, make);
}

function withoutValues(list: NamedList, gone: ReadonlySet<string>): NamedList {
  return { ...list, values: list.values.filter(({ value }) => !gone.has(value)) };
}

/** Of the applications that whoever asks may see. */
async function visibleViews(call: Call, service: Service): Promise<AppView[]> {
  const apps = (await service.applications()).filter((app) => call.maySee(PERMISSION, app));
  return Promise.all(apps.map((app) => service.view(app)));
}

/** A list as it is saved under `name`; with `autoResolve` its values leave the lists that have them. */
function savingWish(call: Call, list: NamedList, name: string, { next }: ListsView): ListWish {
  if (call.query.get("autoResolve") !== "true")
    return { edits: [{ name, value: list }], problems: listProblems(list, next, name) };
  const { leaves, problems } = resolveDuplicates(list, next);
  for (const other of leaves.keys()) call.expectPermission("write", PERMISSION, other);
  const moved = [...leaves].map(([other, values]): ListEdit => {
    const value = withoutValues(listNamed(next, other), new Set(values));
    return { name: other, value };
  });
  const cleared = next.map((other) => moved.find((edit) => edit.name === other.name)?.value ?? other);
  return {
    edits: [...moved, { name, value: list }],
    problems: problems.length > 0 ? [...problems] : listProblems(list, cleared, name),
  };
}

/** What matches a search: a value (or what clients send instead), a part of a name or of a description. */
function matchOf(list: NamedList, wanted: string): { readonly values: string[] } | null {
  const lower = wanted.toLowerCase();
  const values = list.values
    .filter(
      ({ value, encoded }) =>
        value.toLowerCase() === lower || (encoded !== null && encoded.toLowerCase() === lower),
    )
    .map(({ value }) => value);
  const isNamed =
    list.name.toLowerCase().includes(lower) ||
    (list.description !== null && list.description.toLowerCase().includes(lower));
  return values.length > 0 || isNamed ? { values } : null;
}

function dependingRules(uses: readonly Use[]): Record<string, readonly object[]> {
  const of = (kind: Use["kind"]): object[] =>
    uses
      .filter((use) => use.kind === kind)
      .map(({ app, rule, in: where }) => ({ serviceName: app, name: rule, in: where }));
  return {
    dependingFlavorRules: of("rules"),
    dependingUrlRules: of("url_rules"),
    dependingTemplateFlavorRules: of("rule_templates"),
    dependingTemplateUrlRules: of("url_rule_templates"),
  };
}

const reading: readonly Endpoint[] = [
  {
    id: "getNamedLists",
    method: "GET",
    path: "/namespacedLists/getAllNamespacedLists",
    summary: "All lists that act",
    permission: PERMISSION,
    query: { version: "409 where the lists have another one by now." },
    gives: document("The lists, with what clients send instead of encoded values."),
    async handle(call, service) {
      const { lists } = await service.lists.view();
      expectVersionOf(call, "the named lists", lists.value.version);
      return call.give(namedListsDocument, {
        version: lists.value.version,
        lists: readable(call, lists.value.lists),
      });
    },
  },
  {
    id: "getNamedListsWithoutValues",
    method: "GET",
    path: "/namespacedLists/getAllNamespacedListsWithoutValues",
    summary: "All lists that act, without their values",
    permission: PERMISSION,
    gives: json("The lists with the number of their values."),
    async handle(call, service) {
      const { lists } = await service.lists.view();
      const namespace = readable(call, lists.value.lists).map(
        ({ name, description, type, version, values }) => ({
          name,
          ...(description === null ? {} : { description }),
          type,
          version,
          valueCount: values.length,
        }),
      );
      return giveJson({ version: 0, dataNodeVersion: lists.value.version, namespace });
    },
  },
  {
    id: "getNamedList",
    method: "GET",
    path: "/namespacedLists/getOne/{name}",
    summary: "One list that acts",
    permission: PERMISSION,
    entity: "name",
    gives: document("The list."),
    async handle(call, service) {
      const { lists } = await service.lists.view();
      const list = listNamed(lists.value.lists, call.parameter("name"));
      return call.give(namedListDocument(), list);
    },
  },
  {
    id: "searchNamedLists",
    method: "GET",
    path: "/namespacedLists/search/{value}",
    summary: "Lists that have a value or a name, with the rules that use them",
    permission: PERMISSION,
    gives: json("The lists that match, the values that do, and the rules."),
    async handle(call, service) {
      const [{ lists }, views] = [await service.lists.view(), await visibleViews(call, service)];
      const wanted = call.parameter("value");
      const found = readable(call, lists.value.lists).flatMap((list) => {
        const match = matchOf(list, wanted);
        if (match === null) return [];
        const { name, description, type } = list;
        const uses = usesOfList(name, views);
        return [{ name, description, type, values: match.values, ...dependingRules(uses) }];
      });
      return giveJson({ namespacedLists: found });
    },
  },
  {
    id: "exportNamedLists",
    method: "GET",
    path: "/namespacedLists/export",
    summary: "All lists that act, as a file",
    permission: PERMISSION,
    gives: document("The file."),
    async handle(call, service) {
      const { version, lists } = (await service.lists.view()).lists.value;
      const shown = { version, lists: readable(call, lists) };
      return call.export(namedListsDocument, shown, "exportedNamespacedLists");
    },
  },
  {
    id: "exportNamedList",
    method: "GET",
    path: "/namespacedLists/export/{name}",
    summary: "One list that acts, as a file",
    permission: PERMISSION,
    entity: "name",
    gives: document("The file."),
    async handle(call, service) {
      const { lists } = await service.lists.view();
      const list = listNamed(lists.value.lists, call.parameter("name"));
      return call.export(namedListDocument(), list, `exportedNamespacedLists-byId-${list.name}`);
    },
  },
  {
    id: "getRulesOfNamedLists",
    method: "GET",
    path: "/namespacedLists/dependingRulesMultiple/{names}",
    summary: "Rules that use lists",
    permission: PERMISSION,
    gives: json("The rules by list."),
    async handle(call, service) {
      const views = await visibleViews(call, service);
      const found = call
        .parameter("names")
        .split(",")
        .map((name) => ({ name, ...dependingRules(usesOfList(name, views)) }));
      return giveJson({ namespacedLists: found });
    },
  },
  {
    id: "getNamedListsVersion",
    method: "GET",
    path: "/namespacedLists/getVersion",
    summary: "Version of the lists that act",
    permission: PERMISSION,
    gives: text("A whole number."),
    async handle(_call, service) {
      return giveText(String(await service.readVersion("lists")));
    },
  },
];

const writing: readonly Endpoint[] = [
  {
    id: "saveNamedList",
    method: "POST",
    path: "/namespacedLists/addNewNamespaced/{name}",
    summary: "Saves a list as a pending change",
    permission: PERMISSION,
    entity: "name",
    takes: document("The list; or `text/plain` with a value in each line, and `?type=`."),
    gives: document("The list as it was saved."),
    status: 201,
    query: {
      autoResolve: "`true`: its values leave the other text lists.",
      type: "`TEXT`, `IP` or `ENCODED`, for a body of lines.",
      description: "For a body of lines.",
      ...LIVE,
    },
    async handle(call, service) {
      const name = call.parameter("name");
      const list = { ...listIn(call, name), version: service.facts.clock.wall() };
      await save(call, service, (view) => savingWish(call, list, name, view));
      return call.give(namedListDocument(), list, 201);
    },
  },
  {
    id: "validateNamedList",
    method: "POST",
    path: "/namespacedLists/validate",
    summary: "What is wrong with a list, without saving it",
    permission: PERMISSION,
    mode: "read",
    takes: document("The list."),
    gives: document("The list as it would be saved; 400 with what is wrong."),
    async handle(call, service) {
      const list = listIn(call, call.query.get("name") ?? "");
      const { next } = await service.lists.view();
      refuseErrors(listProblems(list, next));
      return call.give(namedListDocument(), list);
    },
  },
  {
    id: "findDuplicates",
    method: "POST",
    path: "/namespacedLists/duplicates",
    summary: "Values of a list that stand in other lists",
    permission: PERMISSION,
    mode: "read",
    takes: document("The list."),
    gives: json("The values and the lists that have them; those that may not be read are only counted."),
    async handle(call, service) {
      const list = listIn(call, call.query.get("name") ?? "");
      const { next } = await service.lists.view();
      const duplicates = duplicatesOf(list, next).map(({ value, lists }) => {
        const shown = lists.filter((name) => mayRead(call, name));
        return { value, lists: shown, hidden: shown.length < lists.length };
      });
      return giveJson({ duplicates });
    },
  },
  {
    id: "addNamedListValues",
    method: "PUT",
    path: "/namespacedLists/{name}/addValues",
    summary: "Adds values to a list: a pending change",
    permission: PERMISSION,
    entity: "name",
    takes: document("The values: a list, a JSON list of texts, or `text/plain` with one in each line."),
    gives: document("The list as it was saved."),
    query: LIVE,
    async handle(call, service) {
      const name = call.parameter("name");
      const added = valuesIn(call, name);
      return changed(call, service, name, (list) => {
        const known = new Set(list.values.map(({ value }) => value));
        const fresh = [...new Set(added)].filter((value) => !known.has(value));
        const values = [...list.values, ...fresh.map((value) => ({ value, encoded: null }))];
        return encodedList({ ...list, values });
      });
    },
  },
  {
    id: "deleteNamedListValues",
    method: "POST",
    path: "/namespacedLists/deleteNamespacedEntities/{name}",
    summary: "Takes values from a list: a pending change",
    permission: PERMISSION,
    entity: "name",
    takes: text("The values: one in each line, or a JSON list of texts."),
    gives: json("Which were deleted, and which were not there."),
    query: LIVE,
    async handle(call, service) {
      const name = call.parameter("name");
      const gone = new Set(valuesIn(call, name));
      let deleted: string[] = [];
      await save(call, service, ({ next }) => {
        const list = listNamed(next, name);
        deleted = list.values.map(({ value }) => value).filter((value) => gone.has(value));
        const value = { ...withoutValues(list, gone), version: service.facts.clock.wall() };
        return { edits: deleted.length === 0 ? [] : [{ name, value }], problems: [] };
      });
      return giveJson(deletionReport(gone, deleted));
    },
  },
  {
    id: "deleteValuesEverywhere",
    method: "POST",
    path: "/namespacedLists/deleteEntitiesFromNamespacedLists",
    summary: "Takes values from whatever lists have them: pending changes",
    permission: PERMISSION,
    takes: text("The values: one in each line, or a JSON list of texts."),
    gives: json("Which were deleted, and which were not there."),
    query: LIVE,
    async handle(call, service) {
      const gone = new Set(valuesIn(call, ""));
      let deleted: string[] = [];
      await save(call, service, ({ next }) => {
        const touched = next.filter(({ values }) => values.some(({ value }) => gone.has(value)));
        for (const { name } of touched) call.expectPermission("write", PERMISSION, name);
        deleted = touched.flatMap(({ values }) =>
          values.map(({ value }) => value).filter((value) => gone.has(value)),
        );
        const version = service.facts.clock.wall();
        const edits = touched.map((list) => ({
          name: list.name,
          value: { ...withoutValues(list, gone), version },
        }));
        return { edits, problems: [] };
      });
      return giveJson(deletionReport(gone, deleted));
    },
  },
  {
    id: "deleteNamedList",
    method: "DELETE",
    path: "/namespacedLists/{name}",
    summary: "Takes a list away: a pending change",
    permission: PERMISSION,
    entity: "name",
    gives: text("What was done."),
    query: LIVE,
    async handle(call, service) {
      const name = call.parameter("name");
      await save(call, service, async ({ next }) => {
        listNamed(next, name);
        const problems: readonly Problem[] = await service.lists.deletionProblems(name);
        return { edits: [{ name, value: null }], problems };
      });
      return giveText(`list ${name} is deleted`);
    },
  },
];

async function changed(
  call: Call,
  service: Service,
  name: string,
  change: (list: NamedList) => NamedList,
): Promise<ServiceAnswer> {
  const view = await save(call, service, ({ next }) => {
    const value = { ...change(listNamed(next, name)), version: service.facts.clock.wall() };
    return { edits: [{ name, value }], problems: listProblems(value, next) };
  });
  return call.give(namedListDocument(), listNamed(view.next, name));
}

function deletionReport(wanted: ReadonlySet<string>, deleted: readonly string[]): object {
  const found = new Set(deleted);
  return { deleted: [...found], notFound: [...wanted].filter((value) => !found.has(value)) };
}

export const namedListEndpoints: readonly Endpoint[] = [...reading, ...writing];
