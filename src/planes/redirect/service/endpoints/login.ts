/** Logins by browser at an identity provider. */
import type { Login, LoginRequest } from "../access/oidc/login.ts";
import type { ServiceAnswer } from "../http/answer.ts";
import type { Call } from "../http/call.ts";
import { type Endpoint, text } from "../http/endpoint.ts";
import type { Service } from "../service.ts";
import { ServiceError } from "../service_error.ts";

function endpoint(
  id: string,
  path: string,
  summary: string,
  answer: (login: Login, request: LoginRequest) => ServiceAnswer | Promise<ServiceAnswer>,
  query: Readonly<Record<string, string>> = {},
): Endpoint {
  return {
    id,
    method: "GET",
    path,
    summary,
    permission: null,
    query,
    gives: text("302 to where the browser goes on."),
    status: 302,
    handle: (call, service) => answer(loginOf(service), requestOf(call)),
  };
}

function loginOf({ facts }: Service): Login {
  const login = facts.login();
  if (login === null) throw new ServiceError(404, "there is no login here; expected a token");
  return login;
}

/** The admin address speaks HTTP without TLS: `redirect_uri` of the configuration says how browsers see it behind a proxy. */
function requestOf({ query, head }: Call): LoginRequest {
  const { cookies, authority, client_address: address } = head;
  return { query, cookies, origin: `http://${authority}`, address };
}

export const loginEndpoints: readonly Endpoint[] = [
  endpoint(
    "login",
    "/auth/login",
    "Sends a browser to the identity provider",
    (login, request) => login.login(request),
    {
      return_to: "A path of this server where the browser goes afterwards.",
    },
  ),
  endpoint(
    "loginCallback",
    "/auth/callback",
    "Where the identity provider sends the browser back to",
    (login, request) => login.callback(request),
  ),
  endpoint("logout", "/auth/logout", "Ends the login of a browser", (login, request) =>
    login.logout(request),
  ),
];
