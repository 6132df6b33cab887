/** Many entities in one file: one pending change, or none at all. */
import type { EntityKind } from "../../../../core/redirect/changes/entities.ts";
import { type Edit, edited, nextModel } from "../../../../core/redirect/changes/pending.ts";
import { listProblems } from "../../../../core/redirect/checks/named_lists.ts";
import type { Problem } from "../../../../core/redirect/checks/problem.ts";
import { modelProblems } from "../../../../core/redirect/checks/whole_model.ts";
import type { AppView } from "../app_view.ts";
import { listsWith } from "../app_view.ts";
import { changeText, type ListEdit, type Wish, withListEdits } from "../editing.ts";
import { giveJson } from "../http/answer.ts";
import { type Endpoint, json } from "../http/endpoint.ts";
import { ServiceError, type ServiceProblem } from "../service_error.ts";
import { type BulkEntry, bulkFile, readBulk } from "./bulk_file.ts";
import { encodedList } from "./list_bodies.ts";
import { giveSaved } from "./saved.ts";

/** What a file wants, each with its line. */
interface BulkWish extends Wish {
  readonly list_edits: readonly ListEdit[];
}

function wishOf(entries: readonly BulkEntry[], view: AppView, at: number): BulkWish {
  const edits = entries.flatMap((entry): Edit[] =>
    "list" in entry ? [] : [{ kind: entry.kind, id: entry.id, value: entry.value } as Edit],
  );
  const listEdits = entries.flatMap((entry): ListEdit[] =>
    "list" in entry
      ? [
          {
            name: entry.list,
            value: entry.value === null ? null : encodedList({ ...entry.value, version: at }),
          },
        ]
      : [],
  );
  const wish: BulkWish = { edits, list_edits: listEdits, problems: [] };
  refuseProblems(entries, newProblems(wish, view));
  return wish;
}

/** What is wrong afterwards and was not before. */
function newProblems({ edits, list_edits }: BulkWish, view: AppView): Problem[] {
  const by = { author: "", at: 0 };
  const pending = edited(view.pending.value.changes, view.approved, edits, by);
  const next = nextModel(view.approved, pending);
  const changes = withListEdits(view.list_changes, view.lists.value.lists, list_edits, by);
  const lists = listsWith(view.lists.value.lists, changes.changes);
  const facts = { stacks: view.stacks, lists, compat: view.compat };
  const before = new Set(modelProblems(view.next, { ...facts, lists: view.next_lists }).map(keyOf));
  const ofLists = list_edits.flatMap(({ value }) => (value === null ? [] : listProblems(value, lists)));
  return [...modelProblems(next, facts), ...ofLists].filter(
    (problem) => problem.severity === "error" && !before.has(keyOf(problem)),
  );
}

const keyOf = ({ code, path, message }: Problem): string => `${code} ${path} ${message}`;

/** Throws ServiceError with 400: each problem with the line that it is about. */
function refuseProblems(entries: readonly BulkEntry[], problems: readonly Problem[]): void {
  if (problems.length === 0) return;
  const told = problems.map((problem): ServiceProblem => {
    const entry = entries.find((each) => isAbout(each, problem));
    const where = entry === undefined ? "" : `${entry.place}: `;
    return { code: problem.code, message: `${where}${problem.code}: ${problem.message}` };
  });
  throw new ServiceError(400, told.map(({ message }) => message).join("\n"), {
    code: problems[0]!.code,
    problems: told,
  });
}

const PLACES: Readonly<Partial<Record<EntityKind, string>>> = {
  rule: "rules",
  url_rule: "url_rules",
  rule_template: "rule_templates",
  url_rule_template: "url_rule_templates",
  default_url: "default_url",
  default_server: "default_server",
  distribution: "distribution",
  whitelist: "whitelist",
};

function isAbout(entry: BulkEntry, { path, rule }: Problem): boolean {
  if ("list" in entry) return path.startsWith(`lists.${entry.list}`);
  const place = PLACES[entry.kind] ?? entry.kind;
  return path.startsWith(place) && (rule === null || rule === entry.id);
}

/** What a file has beside rules, as permissions call it. */
const HELD = ["urlRules", "templates", "distributions", "servers", "whitelist"] as const;

export const bulkEndpoints: readonly Endpoint[] = [
  {
    id: "importBulk",
    method: "POST",
    path: "/bulk/{app}",
    summary: "Saves all entities of a file as one pending change; a bad line refuses the whole",
    permission: "rules",
    takes: {
      description:
        'Lines of JSON: `{"rule": {…}}`, `{"url_rule": {…}}`, `{"rule_template": {…}}`, `{"url_rule_template": {…}}`, `{"default_server": {…}}`, `{"distribution": {…}}`, `{"default_url": {…}}`, `{"whitelist": "/dc/zone"}`, `{"list": {…}}` as documents of the original, or `{"delete": {"rule": "name"}}`.',
      types: ["application/x-ndjson"],
    },
    gives: json("The changes that are pending now."),
    async handle(call, service) {
      for (const endpoint of HELD) call.expectPermission("write", endpoint);
      const entries = readBulk(call.text());
      for (const entry of entries)
        if ("list" in entry) call.expectPermission("write", "namespacedLists", entry.list);
        else if (entry.kind === "rollout") call.expectPermission("write", "rollouts");
      const at = service.facts.clock.wall();
      const saved = await service.editing.save(call.app, call.act, (view) => wishOf(entries, view, at));
      const changes = saved.pending.changes.map(changeText);
      return giveSaved(giveJson({ version: saved.pending.version, changes }), saved);
    },
  },
  {
    id: "exportBulk",
    method: "GET",
    path: "/bulk/{app}",
    summary: "All approved entities as lines that can be sent back",
    permission: "rules",
    gives: { description: "Lines of JSON.", types: ["application/x-ndjson"] },
    async handle(call, service) {
      for (const endpoint of HELD) call.expectPermission("read", endpoint);
      const { approved } = await service.view(call.app);
      return { status: 200, type: "application/x-ndjson", body: bulkFile(approved) };
    },
  },
];
