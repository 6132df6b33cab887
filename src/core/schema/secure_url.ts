import { isLoopbackIp } from "./listen_address.ts";

/** True for an https URL without user, and for an http URL that leads to this machine alone. */
export function isSecureUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || url.username !== "" || url.password !== "") return false;
  if (url.protocol === "https:") return true;
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return url.protocol === "http:" && (host === "localhost" || isLoopbackIp(host));
}
