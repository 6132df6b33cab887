/** Who asks the management service, and what they may do. */
import type { Access } from "../../../../core/redirect/access/permissions.ts";
import { Permissions } from "../../../../core/redirect/access/permissions.ts";
import { ServiceError } from "../service_error.ts";

export interface Principal {
  /** As it stands in changes, revisions and audit: two people never have the same. */
  readonly name: string;
  /** The permissions as text, those of roles among them, in alphabetical order. */
  readonly granted: readonly string[];
  readonly permissions: Permissions;
}

/** What a request brings to show who sends it. */
export interface Credentials {
  /** All fields `Authorization`. */
  readonly authorization: readonly string[];
  /** All fields `Cookie`, as they came. */
  readonly cookies: readonly string[];
  /** The request has the admin token of the program. */
  readonly is_operator: boolean;
  /** Address of the client, for counting failures; "" for a unix socket. */
  readonly address: string;
}

export interface Authenticator {
  /**
   * Who sends a request with these credentials. Rejects with ServiceError: 401 for none or bad ones (with a `WWW-Authenticate` line),
   * 403 for somebody known who has no role here, 503 where the identity provider cannot be asked.
   */
  authenticate(credentials: Credentials): Promise<Principal>;
}

export function principal(name: string, granted: Iterable<string>): Principal {
  const texts = [...new Set(granted)].toSorted();
  return { name, granted: texts, permissions: new Permissions(texts) };
}

/** Throws ServiceError with 403 where `who` may not do it. */
export function expectAllowed(who: Principal, access: Access): void {
  if (who.permissions.allows(access)) return;
  const { mode, endpoint, entity, app } = access;
  const what = [`${mode}-${endpoint}`, ...(entity === null ? [] : [`for ${entity}`])].join(" ");
  const where = app === null ? "" : `, and redirector-accessApp-${app}`;
  throw new ServiceError(403, `${who.name} may not do that; expected the permission ${what}${where}`);
}
