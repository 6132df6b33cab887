/** An authenticator for tests, and what it does with requests. */
import type { RedirectServicePlan } from "../../../../core/plan.ts";
import { realClock, type Clock } from "../../../../platform/clock.ts";
import { ServiceError } from "../service_error.ts";
import { createAuthenticator, type ServiceAuthenticator } from "./authenticator.ts";
import type { AccessEvent, Fetch } from "./environment.ts";
import type { Principal } from "./principal.ts";
import { servicePlanOf } from "./test_oidc_provider.ts";

export interface Setting {
  readonly authenticator: ServiceAuthenticator;
  readonly events: AccessEvent[];
}

export function setUp(
  settings: Partial<RedirectServicePlan>,
  { clock = realClock, fetch = globalThis.fetch }: { clock?: Clock; fetch?: Fetch } = {},
): Setting {
  const events: AccessEvent[] = [];
  const report = (event: AccessEvent): void => void events.push(event);
  return { authenticator: createAuthenticator(servicePlanOf(settings), { clock, fetch, report }), events };
}

export function withCookies(
  { authenticator }: Pick<Setting, "authenticator">,
  cookies: readonly string[],
): Promise<Principal> {
  return authenticator.authenticate({ authorization: [], cookies, is_operator: false, address: "10.0.0.1" });
}

export function withToken(
  { authenticator }: Pick<Setting, "authenticator">,
  token: string,
  address = "10.0.0.1",
): Promise<Principal> {
  const authorization = [`Bearer ${token}`];
  return authenticator.authenticate({ authorization, cookies: [], is_operator: false, address });
}

/** How `work` is refused. Throws when it is not. */
export async function refusal(work: Promise<unknown>): Promise<ServiceError> {
  const error: unknown = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof ServiceError) return error;
  throw new Error(`expected a ServiceError, not ${String(error)}`);
}
