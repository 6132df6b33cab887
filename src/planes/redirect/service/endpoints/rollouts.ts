/** Rollouts: the original has none, so their documents are JSON in our own form. Their steps are taken by the program itself. */
import { rolloutProblems } from "../../../../core/redirect/checks/rollouts.ts";
import { readRollouts } from "../../../../core/redirect/documents/rollouts.ts";
import type { Rollout } from "../../../../core/redirect/model.ts";
import { type AppView, checkFactsOf } from "../app_view.ts";
import { expectVersion, MODEL_VERSION_QUERY } from "../current_version.ts";
import { giveJson } from "../http/answer.ts";
import type { Call } from "../http/call.ts";
import { type Endpoint, json } from "../http/endpoint.ts";
import { ServiceError } from "../service_error.ts";
import { giveSaved } from "./saved.ts";

const PERMISSION = "rollouts";

export const rolloutEndpoints: readonly Endpoint[] = [
  {
    id: "getRollouts",
    method: "GET",
    path: "/rollouts/{app}",
    summary: "All approved rollouts, in the order in which they are tried",
    permission: PERMISSION,
    query: MODEL_VERSION_QUERY,
    gives: json("`rollouts`."),
    async handle(call, service) {
      const view = await service.view(call.app);
      expectVersion(call, view);
      return giveJson({ rollouts: view.approved.rollouts });
    },
  },
  {
    id: "getRollout",
    method: "GET",
    path: "/rollouts/{app}/{id}",
    summary: "One approved rollout",
    permission: PERMISSION,
    gives: json("The rollout."),
    async handle(call, service) {
      const { approved } = await service.view(call.app);
      return giveJson(found(approved.rollouts, call.parameter("id")));
    },
  },
  {
    id: "saveRollout",
    method: "PUT",
    path: "/rollouts/{app}/{id}",
    summary: "Saves a rollout as a pending change",
    permission: PERMISSION,
    takes: json(
      "The rollout without its id. Without `step`, `state` and `since_ms` it stays where it is, and a new one begins before its first step.",
    ),
    gives: json("The rollout as it was saved."),
    status: 201,
    async handle(call, service) {
      let rollout: Rollout | null = null;
      const saved = await service.editing.save(call.app, call.act, (view) => {
        const value = (rollout = rolloutIn(call, view, service.facts.clock.wall()));
        const problems = rolloutProblems([value], checkFactsOf(view));
        return { edits: [{ kind: "rollout", id: value.id, value }], problems };
      });
      return giveSaved(giveJson(rollout, 201), saved);
    },
  },
  {
    id: "deleteRollout",
    method: "DELETE",
    path: "/rollouts/{app}/{id}",
    summary: "Takes a rollout away: a pending change",
    permission: PERMISSION,
    gives: json("The version of the pending changes."),
    async handle(call, service) {
      const id = call.parameter("id");
      const saved = await service.editing.save(call.app, call.act, ({ approved, next }) => {
        found([...approved.rollouts, ...next.rollouts], id);
        return { edits: [{ kind: "rollout", id, value: null }], problems: [] };
      });
      return giveSaved(giveJson({ version: saved.pending.version }), saved);
    },
  },
];

function found(rollouts: readonly Rollout[], id: string): Rollout {
  const rollout = rollouts.find((one) => one.id === id);
  if (rollout === undefined) throw new ServiceError(404, `there is no rollout ${id}`);
  return rollout;
}

/** The rollout that is to be saved. One that is sent to another step, or on, begins to last at `now`. Throws ServiceError with 400. */
function rolloutIn(call: Call, { approved }: AppView, now: number): Rollout {
  const id = call.parameter("id");
  const given = call.json();
  if (typeof given !== "object" || given === null || Array.isArray(given))
    throw new ServiceError(400, "the body is no object; expected a rollout");
  const known = approved.rollouts.find((one) => one.id === id) ?? null;
  const { step = known?.step ?? -1, state = known?.state ?? "running" } = given as Partial<Rollout>;
  const isAsBefore = known !== null && step === known.step && state === known.state;
  const since_ms = isAsBefore ? known.since_ms : now;
  const read = readRollouts({ rollouts: [{ since_ms, ...given, id, step, state }] });
  if (typeof read === "string") throw new ServiceError(400, `the rollout cannot be read: ${read}`);
  return read[0]!;
}
