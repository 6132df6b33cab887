/** The redirector needs a name for the listener that it opens. */
import type { Finding } from "../finding.ts";
import { mapOr } from "../plain_value.ts";

export function checkRedirect(root: unknown): Finding[] {
  const config = mapOr(root);
  if (config["redirect"] === undefined || !Object.hasOwn(mapOr(config["listeners"]), "redirect")) return [];
  return [
    {
      path: ["listeners", "redirect"],
      what: "key",
      message: "is the name of the listener that the section redirect opens; expected another name",
    },
  ];
}
