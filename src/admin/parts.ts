/** Everything of administration that lives in a supervisor, in the order in which it starts. */
import { BackendsPart } from "./backends_part.ts";
import type { OverridesHost } from "./backend_overrides.ts";
import { AdminPart, type AdminPartOptions, type AdminView } from "./part.ts";

export type AdminHost = AdminView & OverridesHost;

/** Makes the parts for one supervisor. What has been set of backends is known before anybody can ask. */
export function adminParts(
  options: Omit<AdminPartOptions, "backends">,
): [(host: AdminHost) => BackendsPart, (host: AdminHost) => AdminPart] {
  let backends: BackendsPart | null = null;
  return [
    (host) => (backends = new BackendsPart(host)),
    (host) => new AdminPart(host, { ...options, backends: backends!.overrides }),
  ];
}
