/** Requests for a part of the program that answers below paths of its own: who sends them, it finds out itself. */
import type { Admission, MountedAnswer, MountedService } from "../core/mounted_service.ts";
import type { HttpExchange } from "../net/http_exchange.ts";
import { expectSameSite, type Access } from "./access.ts";

/** A request that is admitted and waits for its body. */
export interface MountedWork {
  readonly admission: Exclude<Admission, { readonly answer: MountedAnswer }>;
}

export function isMountedWork(route: unknown): route is MountedWork {
  return typeof route === "object" && route !== null && "admission" in route;
}

/** The mounted service that a path belongs to, or null. */
export function mountAt(mounts: readonly MountedService[], path: string): MountedService | null {
  return mounts.find(({ prefixes }) => prefixes.some((prefix) => path.startsWith(prefix))) ?? null;
}

/** Asks the service for a request. Throws AdminError for one that a page of another site has sent. */
export function admitMounted(
  mount: MountedService,
  exchange: HttpExchange,
  access: Access,
): Promise<Admission> {
  const { request, path, target, method, authority, client } = exchange;
  if (method !== "GET" && method !== "HEAD")
    expectSameSite(request.get("origin"), request.get("sec-fetch-site"), authority);
  const mark = target.indexOf("?");
  const authorization = request.getAll("authorization");
  return mount.admit({
    method,
    path,
    query: mark < 0 ? "" : target.slice(mark + 1),
    authority,
    accept: listOf(request.getAll("accept")),
    content_type: request.get("content-type"),
    authorization,
    cookies: request.getAll("cookie"),
    is_operator: access.isOperator(authorization),
    client_address: client.address,
  });
}

const listOf = (values: readonly string[]): string | null => (values.length === 0 ? null : values.join(", "));
