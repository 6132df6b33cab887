/** `redirect.service:` the management service of the redirector, and who may use it. */
import { z } from "zod";
import { DEFAULT_REDIRECT_SERVICE, MAX_REDIRECT_REVISIONS } from "../../core/defaults.ts";
import { isLimitedInVain, type Grant } from "../../core/redirect/access/grant.ts";
import { permissionProblem, ROLES, type Role } from "../../core/redirect/access/permissions.ts";
import { duration, formatDuration } from "../../core/schema/duration.ts";
import { secret } from "../../core/schema/secret.ts";
import { isSecureUrl } from "../../core/schema/secure_url.ts";
import { bearerToken, operatorAddress } from "./admin.ts";

const DEFAULTS = DEFAULT_REDIRECT_SERVICE;
const MAX_TOKENS = 1_000;
const MAX_CLOCK_SKEW_MS = 300_000;
const MIN_SESSION_MS = 60_000;

const ROLE_NAMES = Object.keys(ROLES) as Role[];
const role = () => z.enum(ROLE_NAMES);
const application = () => z.string({ error: "expected the name of an application" }).min(1).max(128);

const permission = () =>
  z.string({ error: "expected a permission such as read-rules" }).superRefine((text, context) => {
    const problem = permissionProblem(text);
    if (problem !== null) context.addIssue({ code: "custom", message: problem });
  });

const EACH_ONCE = { error: "expected each entry once" };
const isEachOnce = (list: readonly string[]): boolean => new Set(list).size === list.length;

const grantShape = {
  roles: z
    .array(role())
    .refine(isEachOnce, EACH_ONCE)
    .prefault([])
    .meta({ description: "Named sets of permissions: `viewer`, `editor`, `approver`, `admin`." }),
  permissions: z.array(permission()).refine(isEachOnce, EACH_ONCE).prefault([]).meta({
    description: "Further permissions, such as `write-rules` or `deny-write-namespacedLists-NAME`.",
  }),
  applications: z
    .array(application())
    .min(1)
    .refine(isEachOnce, EACH_ONCE)
    .optional()
    .meta({ description: "The only applications, by name; default: all, where a role is given." }),
};

const LIMITED_IN_VAIN = {
  error: "cannot limit somebody who may do everything; expected other roles and permissions than admin",
  path: ["applications"],
};
const isLimitedWell = (grant: Grant): boolean => !isLimitedInVain(grant);

/** It goes into logs and lists. */
const personName = () =>
  z.string({ error: "expected a name" }).regex(/^[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}$/, {
    error: "expected a name of letters, digits and . _ @ + -, at most 128",
  });

const token = z
  .strictObject({
    name: personName().meta({ description: "Who that is, in changes and audit." }),
    token: bearerToken().meta({
      description: "Sent as `Authorization: Bearer TOKEN`. 32 characters or more.",
    }),
    ...grantShape,
  })
  .refine(isLimitedWell, LIMITED_IN_VAIN);

/** A URL by which an identity provider is asked or answers: http leads to this machine alone. */
function secureUrl(example: string): z.ZodString {
  const error = `expected a URL such as ${example}, without user, query and fragment; http only for a loopback address`;
  return z.string({ error }).refine((text) => isSecureUrl(text) && !/[?#\s]/.test(text), { error });
}

const CLAIM_GRANT = "expected a role, a list of permissions, or { roles, permissions, applications }";
const claimGrant = z.union(
  [
    role(),
    z.array(permission()).min(1).refine(isEachOnce, EACH_ONCE),
    z.strictObject(grantShape).refine(isLimitedWell, LIMITED_IN_VAIN),
  ],
  { error: CLAIM_GRANT },
);

/** Signatures by a private key alone: with `none` and HS256 whoever knows public things could sign. */
const ALGORITHMS = [
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"],
] as const;

const claimPath = (example: string) =>
  z
    .string({ error: `expected the name of a claim such as ${example}` })
    .min(1)
    .max(256);

const oidc = z.strictObject({
  issuer: secureUrl("https://login.example.com").meta({
    description:
      "The identity provider, exactly as in its tokens. Its addresses and keys are read from `/.well-known/openid-configuration`.",
  }),
  audience: z
    .string({ error: "expected the audience of tokens" })
    .min(1)
    .max(512)
    .meta({ description: "What tokens must be meant for (`aud`)." }),
  client_id: z.string().min(1).max(512).optional().meta({
    description: "This program at the provider, for logins by browser; without it there is no login.",
  }),
  client_secret: secret()
    .min(1)
    .max(4_096)
    .optional()
    .meta({ description: "Its secret; without one it is a public client, which PKCE protects." }),
  redirect_uri: secureUrl("https://lb1.example.com/admin/redirect/auth/callback").optional().meta({
    description:
      "Where the provider sends browsers back to; default: `/admin/redirect/auth/callback` at the origin that the browser has asked.",
  }),
  scopes: z
    .array(z.string().regex(/^[!#-[\]-~]+$/, { error: "expected a scope such as openid" }))
    .refine((list) => list.includes("openid"), { error: "expected openid among the scopes" })
    .prefault([...DEFAULTS.oidc.scopes])
    .meta({ description: "What a login asks for." }),
  name_claim: claimPath("sub").prefault(DEFAULTS.oidc.name_claim).meta({
    description:
      "The claim that names somebody in changes and audit. With `email`, whoever can get an address at the provider gets the name as well, and with it the right to approve what others of that name have changed.",
  }),
  roles_claim: claimPath("realm_access.roles").prefault(DEFAULTS.oidc.roles_claim).meta({
    description:
      "The claim with somebody's roles, a text or a list; dots lead into maps: `realm_access.roles`.",
  }),
  roles: z
    .record(z.string().min(1).max(256), claimGrant)
    .refine((map) => Object.keys(map).length > 0, { error: "expected at least 1 entry" })
    .meta({
      description:
        "What a value of that claim gives: a role, a list of permissions, or `{ roles, permissions, applications }`. Who has no such value is refused with 403.",
    }),
  clock_skew: duration()
    .refine((value) => value <= MAX_CLOCK_SKEW_MS, { error: "expected at most 5m" })
    .prefault(formatDuration(DEFAULTS.oidc.clock_skew_ms))
    .meta({ description: "How far the provider's clock may be off." }),
  algorithms: z
    .array(z.enum(ALGORITHMS))
    .min(1)
    .prefault([...DEFAULTS.oidc.algorithms])
    .meta({ description: "How tokens may be signed." }),
});

export const redirectService = z.strictObject({
  address: operatorAddress("127.0.0.1:10602").optional().meta({
    description: "Serves the management service beside the admin address; default: nowhere else.",
  }),
  tokens: z
    .array(token)
    .max(MAX_TOKENS)
    .prefault([])
    .meta({ description: "Programs and people that show a token of their own." }),
  anonymous: z
    .strictObject(grantShape)
    .refine(isLimitedWell, LIMITED_IN_VAIN)
    .prefault({})
    .meta({ description: "What anybody may do who shows nothing; default: nothing, they get 401." }),
  oidc: oidc.optional().meta({
    description: "Tokens and logins of an identity provider (OpenID Connect); none without this section.",
  }),
  self_approval: z.boolean().prefault(DEFAULTS.self_approval).meta({
    description: "Who has made a change may approve it too.",
  }),
  session: duration()
    .refine((value) => value >= MIN_SESSION_MS, { error: "expected at least 1m" })
    .prefault(formatDuration(DEFAULTS.session_ms))
    .meta({
      description:
        "How long a login by browser lasts. Roles are those of the login until then; a restart ends it.",
    }),
  revisions: z
    .int()
    .min(1)
    .max(MAX_REDIRECT_REVISIONS)
    .prefault(DEFAULTS.revisions)
    .meta({ description: "So many earlier models of an application are kept." }),
});

export type RedirectServiceConfig = z.output<typeof redirectService>;
