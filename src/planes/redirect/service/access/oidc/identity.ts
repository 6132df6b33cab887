/** From the claims of a token to a name and what its bearer may do. */
import type { RedirectOidcPlan } from "../../../../../core/plan.ts";
import { isObject } from "../../../../../core/schema/is_object.ts";
import { ServiceError } from "../../service_error.ts";

export type Claims = Readonly<Record<string, unknown>>;

/** Somebody whom the provider knows. */
export interface Identity {
  readonly name: string;
  /** Values of the claim with roles. */
  readonly roles: readonly string[];
}

const MAX_NAME_LENGTH = 256;
const MAX_ROLES = 1_000;

/** Throws ServiceError with 403 where the claims name nobody. */
export function identityOf(
  claims: Claims,
  { name_claim, roles_claim }: Pick<RedirectOidcPlan, "name_claim" | "roles_claim">,
): Identity {
  const name = claimAt(claims, name_claim);
  if (typeof name !== "string" || !isName(name))
    throw new ServiceError(
      403,
      `the provider names nobody; expected text in the claim ${name_claim}, at most ${MAX_NAME_LENGTH} characters`,
    );
  if (name_claim === "email" && claims["email_verified"] === false)
    throw new ServiceError(403, "the provider has not verified the address of the claim email");
  return { name, roles: rolesIn(claimAt(claims, roles_claim)) };
}

/** A claim by its whole name, which may have dots, or else by a path of names. Undefined for none. */
export function claimAt(claims: Claims, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  let value: unknown = claims;
  for (const step of path.split(".")) {
    if (!isObject(value) || !Object.hasOwn(value, step)) return undefined;
    value = value[step];
  }
  return value;
}

/** It goes into logs and lists: something to see, in one line. */
function isName(text: string): boolean {
  return text.trim() !== "" && text.length <= MAX_NAME_LENGTH && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text);
}

function rolesIn(claim: unknown): string[] {
  const values: readonly unknown[] = Array.isArray(claim) ? claim : [claim];
  return values.slice(0, MAX_ROLES).filter((value) => typeof value === "string");
}

/** Permissions of somebody with these roles. Throws ServiceError with 403 where there are none. */
export function grantedTo({ name, roles }: Identity, plan: Pick<RedirectOidcPlan, "roles">): string[] {
  const granted = roles.flatMap((value) => (Object.hasOwn(plan.roles, value) ? plan.roles[value]! : []));
  if (granted.length === 0) throw new ServiceError(403, `${name} has no role here`);
  return granted;
}
