/** Backends: shown, all or one, and set, one at a time. */
import { z } from "zod";
import { BackendIdError, type BackendAction, type BackendReport } from "../backend_overrides.ts";
import { etagOf, expectMatch } from "../etag.ts";
import { operation, type Answer, type Operation } from "../operation.ts";
import type { AdminRequest } from "../request.ts";
import { AdminError } from "../problem.ts";
import { backend, backendChange, backends, weightOrder } from "../schemas.ts";
import type { AdminServices } from "../services.ts";

/** `{id}` is the id alone, where one pool has it, or `pool/id`: as two segments, or as one with `%2F`. */
const paths = (action = "") => [`/admin/backends/{id}${action}`, `/admin/backends/{pool}/{id}${action}`];
/** With its pool a backend is never taken for another one. */
const ambiguous = (action = "") => ({ problemsAt: { [`/admin/backends/{id}${action}`]: [409] } });

export const listBackends = operation({
  id: "listBackends",
  method: "GET",
  paths: ["/admin/backends"],
  summary: "All backends, in the order of the configuration",
  answers: { 200: { description: "The backends.", schema: backends, isResource: true } },
  handle: (_request, services) => ({
    status: 200,
    isResource: true,
    body: { backends: services.backends.reports() },
  }),
});

export const getBackend = operation({
  id: "getBackend",
  method: "GET",
  paths: paths(),
  summary: "One backend",
  answers: { 200: { description: "The backend.", schema: backend, isResource: true } },
  problems: [404],
  ...ambiguous(),
  handle: (request, services) => ({ status: 200, isResource: true, body: find(request, services) }),
});

const ANSWERS = { 200: { description: "It is so now, or was before.", schema: backendChange } };

const simple = (action: "enable" | "drain" | "reset", summary: string): Operation =>
  operation({
    id: `${action}Backend`,
    method: "POST",
    paths: paths(`/${action}`),
    summary,
    takesIfMatch: true,
    answers: ANSWERS,
    problems: [404, 503],
    ...ambiguous(`/${action}`),
    handle: (request, services) => change(request, services, { action }),
  });

export const enableBackend = simple("enable", "Let it take traffic again");
export const drainBackend = simple(
  "drain",
  "Let it finish what it has and take no new work, until it is enabled",
);
export const resetBackend = simple("reset", "Take back all that was set: the configuration counts again");

export const disableBackend = operation({
  id: "disableBackend",
  method: "POST",
  paths: paths("/disable"),
  summary: "Drain it; what is left after `timeouts.drain` is cut (tunnels after `timeouts.drain_tunnels`)",
  query: z.strictObject({
    force: z
      .enum(["true", "false"], { error: "expected true or false" })
      .default("false")
      .meta({ description: "Cut everything at once." }),
  }),
  takesIfMatch: true,
  answers: ANSWERS,
  problems: [404, 503],
  ...ambiguous("/disable"),
  handle: (request, services) =>
    change(request, services, { action: "disable", force: request.query.force === "true" }),
});

export const weighBackend = operation({
  id: "weighBackend",
  method: "POST",
  paths: paths("/weight"),
  summary: "Set its share of the traffic",
  body: weightOrder,
  takesIfMatch: true,
  answers: ANSWERS,
  problems: [404, 503],
  ...ambiguous("/weight"),
  handle: (request, services) => change(request, services, { action: "weight", weight: request.body.weight }),
});

type Asked = Pick<AdminRequest, "parameters" | "ifMatch" | "by">;

function find({ parameters: { pool, id = "" } }: Asked, { backends: known }: AdminServices): BackendReport {
  try {
    return known.reportOf(known.find(pool === undefined ? id : `${pool}/${id}`));
  } catch (error) {
    if (!(error instanceof BackendIdError)) throw error;
    const { message, matches } = error;
    throw matches.length === 0
      ? new AdminError(404, message)
      : new AdminError(409, message, { matches: [...matches] });
  }
}

/** From the look at the state to the change no other request has its turn. */
async function change(request: Asked, services: AdminServices, action: BackendAction): Promise<Answer> {
  const before = find(request, services);
  expectMatch(request.ifMatch, before);
  const { state } = services.vitals();
  // What a program that is about to be relieved would keep, its successor might not learn.
  if (state !== "serving") throw new AdminError(503, `the program is ${state}: ask again when it serves`);
  const done = await services.backends.change(`${before.pool}/${before.id}`, action, request.by);
  return { status: 200, body: { ...done, etag: etagOf(done.backend) } };
}
