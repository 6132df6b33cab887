/** Who is who in the management service, and logins that lack something. Works on malformed values too. */
import { ANONYMOUS, OPERATOR } from "../../core/redirect/access/grant.ts";
import { isLocalAddress, parseListenAddress } from "../../core/schema/listen_address.ts";
import type { Finding } from "../finding.ts";
import { listOr, mapOr } from "../plain_value.ts";
import type { Path } from "../problem.ts";

const SERVICE: Path = ["redirect", "service"];

export function checkRedirectService(root: unknown): Finding[] {
  const redirect = mapOr(mapOr(root)["redirect"]);
  const service = mapOr(redirect["service"]);
  const tokens = listOr(service["tokens"]).map(mapOr);
  return [
    ...duplicates("name", tokens, (name) => `a second token has the name ${JSON.stringify(name)}`),
    ...duplicates("token", tokens, () => "is another one's token as well; expected one for each name"),
    ...reservedNames(tokens),
    ...loginFindings(mapOr(service["oidc"])),
    ...storeFindings(service["address"], mapOr(redirect["store"])["type"] ?? "sqlite"),
  ];
}

/** Whoever serves other machines may mean gateways on them. */
function storeFindings(address: unknown, store: unknown): Finding[] {
  const parsed = typeof address === "string" ? parseListenAddress(address) : null;
  if (store !== "sqlite" || parsed === null || isLocalAddress(parsed)) return [];
  return [
    {
      path: [...SERVICE, "address"],
      what: "value",
      message:
        "is reached from other machines, but the store sqlite serves the programs of this machine alone; gateways on other machines need the store zookeeper",
      severity: "warning",
    },
  ];
}

type Token = ReturnType<typeof mapOr>;

function duplicates(key: string, tokens: readonly Token[], message: (value: string) => string): Finding[] {
  const seen = new Map<string, Path>();
  const findings: Finding[] = [];
  for (const [index, { [key]: value }] of tokens.entries()) {
    if (typeof value !== "string") continue;
    const path: Path = [...SERVICE, "tokens", index, key];
    const other = seen.get(value);
    if (other === undefined) seen.set(value, path);
    else findings.push({ path, what: "value", message: message(value), other });
  }
  return findings;
}

function reservedNames(tokens: readonly Token[]): Finding[] {
  return [...tokens.entries()]
    .filter(([, { name }]) => name === OPERATOR || name === ANONYMOUS)
    .map(([index, { name }]) => ({
      path: [...SERVICE, "tokens", index, "name"],
      what: "value",
      message: `${String(name)} is the name of ${name === OPERATOR ? "who has admin.token" : "everybody without a token"}; expected another name`,
    }));
}

function loginFindings(oidc: Token): Finding[] {
  if (oidc["client_id"] !== undefined) return [];
  return ["client_secret", "redirect_uri"]
    .filter((key) => oidc[key] !== undefined)
    .map((key) => ({
      path: [...SERVICE, "oidc", key],
      what: "key",
      message: "belongs to logins by browser, which need client_id",
    }));
}
