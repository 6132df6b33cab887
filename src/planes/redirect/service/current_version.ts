/** Versions that a request may name, so that nobody mixes two. */
import type { Call } from "./http/call.ts";
import type { AppView } from "./app_view.ts";
import { ServiceError } from "./service_error.ts";

/** What the descriptions of calls say about `?version=`. */
export const MODEL_VERSION_QUERY = { version: "409 where the model has another one by now." };

/** Throws ServiceError: 409 where the model has another version than `?version=`, 400 for what is no number. */
export function expectVersion(call: Call, { app, stored }: Pick<AppView, "app" | "stored">): void {
  expectVersionOf(call, `the model of ${app}`, stored.value.version);
}

export function expectVersionOf({ query }: Pick<Call, "query">, what: string, current: number): void {
  const given = query.get("version");
  if (given === null) return;
  if (!/^-?\d{1,15}$/.test(given))
    throw new ServiceError(400, `version: ${JSON.stringify(given)}; expected a whole number`);
  if (Number(given) !== current)
    throw new ServiceError(409, `${what} has version ${current}, the request is about version ${given}`);
}
