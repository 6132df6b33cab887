/** Decisions without clients: what one would be told and why, what a change would move, and what is odd about a model. */
import { nextModel } from "../../../../core/redirect/changes/pending.ts";
import { acceptance } from "../../../../core/redirect/checks/acceptance.ts";
import { minHostsOf } from "../../../../core/redirect/checks/settings.ts";
import { lintSlices } from "../../../../core/redirect/checks/lint.ts";
import { modelProblems } from "../../../../core/redirect/checks/whole_model.ts";
import { contextOf } from "../../../../core/redirect/context.ts";
import type { Decider } from "../../../../core/redirect/decider.ts";
import { explain } from "../../../../core/redirect/trial/explain.ts";
import { replaySlices } from "../../../../core/redirect/trial/replay.ts";
import { runInSlices } from "../../../../platform/slices.ts";
import type { AppView } from "../app_view.ts";
import { giveJson } from "../http/answer.ts";
import type { Call } from "../http/call.ts";
import { type Endpoint, json } from "../http/endpoint.ts";
import { SETTINGS_RECORD } from "../records/kinds.ts";
import type { Service } from "../service.ts";
import { ServiceError } from "../service_error.ts";

const WHICH = { model: "`current` (default) or `next`, which has all pending changes." };
const MOST_CLIENTS = 200_000;

/** Which of the two models the query asks for. Throws ServiceError with 400. */
export function isNext({ query }: Call): boolean {
  const given = query.get("model") ?? "current";
  if (given !== "current" && given !== "next")
    throw new ServiceError(400, `model: ${JSON.stringify(given)}; expected current or next`);
  return given === "next";
}

/** The engine with the model that acts, or with all that is pending. Rejects with ServiceError 404 where there is no model. */
export async function deciderOf(service: Service, view: AppView, next: boolean): Promise<Decider> {
  const { facts } = service;
  if (next) return facts.decider(view.app, view.next, view.next_lists);
  if (view.stored.revision === null) throw new ServiceError(404, `${view.app} has no approved model`);
  return facts.decider(view.app, view.approved, view.lists.value.lists);
}

/** Parameters of one client. Throws ServiceError with 400 for what is no flat object. */
function parametersOf(value: unknown, place: string): Record<string, string> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new ServiceError(400, `${place}: expected an object with the parameters of a client`);
  const entries = Object.entries(value).flatMap(([name, given]): [string, string][] => {
    if (given === null) return [];
    if (typeof given === "object")
      throw new ServiceError(400, `${place}.${name}: expected a text, a number or a boolean`);
    return [[name, String(given)]];
  });
  return Object.fromEntries(entries);
}

export const decisionEndpoints: readonly Endpoint[] = [
  {
    id: "decide",
    method: "POST",
    path: "/decide/{app}",
    summary: "What a client with these parameters would be told; no host takes a turn",
    permission: "decide",
    mode: "read",
    takes: json("The parameters as a flat object."),
    gives: json("The decision, or why there is none; with `explain` everything that was looked at."),
    query: { ...WHICH, explain: "`1`: each rule and condition that was tried, with operands and verdict." },
    async handle(call, service) {
      const parameters = parametersOf(call.json(), "the body");
      const view = await service.view(call.app);
      const decider = await deciderOf(service, view, isNext(call));
      const explanation = explain(decider, contextOf(parameters));
      const version = view.stored.value.version;
      const isExplained = ["1", "true"].includes(call.query.get("explain") ?? "");
      return giveJson(
        isExplained ? { version, ...explanation } : { version, decision: explanation.decision },
      );
    },
  },
  {
    id: "replay",
    method: "POST",
    path: "/replay/{app}",
    summary: "How many of these clients would be sent elsewhere by the pending changes",
    permission: "decide",
    mode: "read",
    takes: json("A list of clients, each with its parameters as a flat object."),
    gives: json("How many are changed, and from where to where."),
    async handle(call, service) {
      const given = call.json();
      if (!Array.isArray(given) || given.length > MOST_CLIENTS)
        throw new ServiceError(400, `the body: expected a list of at most ${MOST_CLIENTS} clients`);
      const clients = given.map((client, index) => parametersOf(client, `[${index}]`));
      const view = await service.view(call.app);
      const [before, after] = [await deciderOf(service, view, false), await deciderOf(service, view, true)];
      return giveJson(await runInSlices(replaySlices(before, after, clients)));
    },
  },
  {
    id: "getProblems",
    method: "GET",
    path: "/problems/{app}",
    summary: "What is wrong or odd about a model: which rule, and why",
    permission: "rules",
    query: WHICH,
    gives: json("Whether it can redirect, errors and warnings."),
    async handle(call, service) {
      const view = await service.view(call.app);
      const next = isNext(call);
      const model = next ? nextModel(view.approved, view.pending.value.changes) : view.approved;
      const lists = next ? view.next_lists : view.lists.value.lists;
      const facts = { stacks: view.stacks, lists, compat: view.compat };
      const settings = (await service.records.read(SETTINGS_RECORD)).value;
      return giveJson({
        acceptance: acceptance(model, view.stacks, minHostsOf(settings, view.app)),
        problems: [...modelProblems(model, facts), ...(await runInSlices(lintSlices(model, facts)))],
      });
    },
  },
];
