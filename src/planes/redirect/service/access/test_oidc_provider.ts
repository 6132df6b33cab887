/** A real identity provider for tests, and somebody who logs in there by browser. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWTPayload } from "jose";
import { Provider } from "oidc-provider";
import type { RedirectOidcPlan, RedirectServicePlan } from "../../../../core/plan.ts";
import { ROLES } from "../../../../core/redirect/access/permissions.ts";
import { DEFAULT_REDIRECT_SERVICE } from "../../../../core/defaults.ts";
import { expect } from "bun:test";
import { CALLBACK_PATH, type Login } from "./oidc/login.ts";

/** Where the browser of a test reaches Fairlead; nothing listens there. */
export const ORIGIN = "http://127.0.0.1:9";
export const HTTPS_ORIGIN = "https://lb1.example.com";
export const AUDIENCE = "https://fairlead.example/redirect";
const CLIENT_ID = "fairlead";
const CLIENT_SECRET = "a secret with : and +%, 0123456789";
/** Roles of accounts, by login. */
const ACCOUNTS: Readonly<Record<string, readonly string[]>> = {
  vera: ["fl-viewer"],
  edgar: ["fl-editor"],
  anna: ["fl-approver"],
  adam: ["fl-admin"],
  nobody: ["something else"],
  operator: ["fl-admin"],
};
const MAX_STEPS = 20;

export interface TestProvider {
  readonly issuer: string;
  /** A token that its key has signed. */
  sign(claims: JWTPayload, header?: { readonly kid?: string }): Promise<string>;
  /** An access token as programs get one, by client credentials. */
  machineToken(): Promise<string>;
  stop(): Promise<void>;
}

export async function startProvider(): Promise<TestProvider> {
  const { privateKey } = await generateKeyPair("RS256", { extractable: true });
  const key = { ...(await exportJWK(privateKey)), kid: "first", use: "sig", alg: "RS256" };
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  server.on("request", new Provider(issuer, configuration(key)).callback());
  return {
    issuer,
    sign: (claims, header) => signed(privateKey, claims, header),
    machineToken: () => machineToken(issuer),
    stop: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

const signed = (key: CryptoKey, claims: JWTPayload, header: { readonly kid?: string } = { kid: "first" }) =>
  new SignJWT(claims).setProtectedHeader({ alg: "RS256", ...header }).sign(key);

function configuration(key: object): Readonly<Record<string, unknown>> {
  return {
    jwks: { keys: [key] },
    cookies: { keys: ["a key of this test"] },
    claims: { openid: ["sub"], profile: ["name"], groups: ["roles"] },
    scopes: ["openid", "profile", "groups"],
    clients: [
      {
        client_id: CLIENT_ID,
        client_secret: CLIENT_SECRET,
        redirect_uris: [`${ORIGIN}${CALLBACK_PATH}`, `${HTTPS_ORIGIN}${CALLBACK_PATH}`],
        grant_types: ["authorization_code"],
        response_types: ["code"],
      },
      {
        client_id: "robot",
        client_secret: "of the robot 0123456789",
        redirect_uris: [],
        grant_types: ["client_credentials"],
        response_types: [],
      },
    ],
    pkce: { required: () => true },
    findAccount: (_context: unknown, id: string) => ({
      accountId: id,
      claims: () => ({ sub: id, name: `${id} of the test`, roles: ACCOUNTS[id] ?? [] }),
    }),
    extraTokenClaims: () => ({ roles: ["fl-editor"] }),
    features: {
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({ scope: "", audience: AUDIENCE, accessTokenFormat: "jwt" }),
      },
    },
    ttl: { ClientCredentials: 600 },
  };
}

async function machineToken(issuer: string): Promise<string> {
  const answer = await fetch(`${issuer}/token`, {
    method: "POST",
    headers: { authorization: `Basic ${btoa("robot:of+the+robot+0123456789")}` },
    body: new URLSearchParams({ grant_type: "client_credentials", resource: AUDIENCE }),
  });
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { access_token: string }).access_token;
}

export function oidcPlanOf(issuer: string, settings: Partial<RedirectOidcPlan> = {}): RedirectOidcPlan {
  return {
    ...DEFAULT_REDIRECT_SERVICE.oidc,
    issuer,
    audience: AUDIENCE,
    client_id: CLIENT_ID,
    client_secret: CLIENT_SECRET,
    redirect_uri: null,
    scopes: ["openid", "profile", "groups"],
    roles: {
      "fl-viewer": ROLES.viewer,
      "fl-editor": ROLES.editor,
      "fl-approver": ROLES.approver,
      "fl-admin": ROLES.admin,
    },
    ...settings,
  };
}

export function servicePlanOf(settings: Partial<RedirectServicePlan> = {}): RedirectServicePlan {
  const { self_approval, session_ms, revisions } = DEFAULT_REDIRECT_SERVICE;
  return {
    address: null,
    tokens: [],
    anonymous: [],
    oidc: null,
    self_approval,
    session_ms,
    revisions,
    ...settings,
  };
}

/** The lines `Set-Cookie` of an answer as a browser sends them back; those that are taken away are not among them. */
export function cookiesOf(fields: string): string[] {
  return [...fields.matchAll(/^Set-Cookie: ([^;]+=[^;]+);/gm)].map(([, pair]) => pair!);
}

export function locationOf(fields: string): string {
  return /^Location: (.+)\r$/m.exec(fields)![1]!;
}

export interface CameBack {
  /** Of the address that the provider has sent the browser to. */
  readonly query: URLSearchParams;
  /** Of Fairlead. */
  readonly cookies: readonly string[];
}

/** Logs `account` in at the provider, by its forms, up to the redirect back to Fairlead. */
export async function loginAtProvider(
  login: Login,
  account: string,
  { return_to = "/ui/", origin = ORIGIN }: { readonly return_to?: string; readonly origin?: string } = {},
): Promise<CameBack> {
  const query = new URLSearchParams({ return_to });
  const begun = await login.login({ query, cookies: [], origin, address: "" });
  expect(begun.status).toBe(303);
  const cookies = cookiesOf(begun.fields!);
  const jar = new Map<string, string>();
  let next: FormRequest = { url: locationOf(begun.fields!), form: null };
  for (let step = 0; step < MAX_STEPS; step++) {
    const answer = await ask(next, jar);
    const location = answer.headers.get("location");
    if (location === null) next = filledForm(await answer.text(), account);
    else if (location.startsWith(origin)) return { query: new URL(location).searchParams, cookies };
    else next = { url: new URL(location, next.url).href, form: null };
  }
  throw new Error(`no way back after ${MAX_STEPS} steps`);
}

interface FormRequest {
  readonly url: string;
  readonly form: URLSearchParams | null;
}

async function ask({ url, form }: FormRequest, jar: Map<string, string>): Promise<Response> {
  const answer = await fetch(url, {
    method: form === null ? "GET" : "POST",
    body: form,
    redirect: "manual",
    headers: { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join("; ") },
  });
  for (const line of answer.headers.getSetCookie()) {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!;
    if (value === "") jar.delete(name!);
    else jar.set(name!, value!);
  }
  return answer;
}

/** The first form of a page, with its hidden fields and whatever it asks for. */
function filledForm(page: string, account: string): FormRequest {
  const action = /<form[^>]* action="([^"]+)"/.exec(page)?.[1];
  if (action === undefined) throw new Error(`a page without a form: ${/<body>[^]*/.exec(page)?.[0] ?? page}`);
  const form = new URLSearchParams();
  for (const [, name, value] of page.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g))
    form.set(name!, value!);
  if (page.includes('name="login"')) form.set("login", account);
  if (page.includes('name="password"')) form.set("password", "any");
  return { url: action, form };
}
