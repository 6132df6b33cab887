/** `redirect.service` as the plan has it: roles are their permissions, tokens their digests. */
import type { RedirectOidcPlan, RedirectServicePlan } from "../core/plan.ts";
import { grantedBy, type Grant } from "../core/redirect/access/grant.ts";
import type { RedirectServiceConfig } from "./schema/redirect_service.ts";
import { tokenDigest } from "./token_digest.ts";

type OidcConfig = NonNullable<RedirectServiceConfig["oidc"]>;

export function redirectServicePlan(config: RedirectServiceConfig): RedirectServicePlan {
  return {
    address: config.address ?? null,
    tokens: config.tokens.map(({ name, token, ...grant }) => ({
      name,
      token_sha256: tokenDigest(token),
      granted: grantedBy(grant),
    })),
    anonymous: grantedBy(config.anonymous),
    oidc: config.oidc === undefined ? null : oidcPlan(config.oidc),
    self_approval: config.self_approval,
    session_ms: config.session,
    revisions: config.revisions,
  };
}

function oidcPlan({ clock_skew, roles, ...config }: OidcConfig): RedirectOidcPlan {
  return {
    ...config,
    client_id: config.client_id ?? null,
    client_secret: config.client_secret ?? null,
    redirect_uri: config.redirect_uri ?? null,
    roles: Object.fromEntries(
      Object.entries(roles).map(([value, gives]) => [value, grantedBy(grantOf(gives))]),
    ),
    clock_skew_ms: clock_skew,
  };
}

function grantOf(gives: OidcConfig["roles"][string]): Grant {
  if (typeof gives === "string") return { roles: [gives], permissions: [] };
  return Array.isArray(gives) ? { roles: [], permissions: gives } : gives;
}
