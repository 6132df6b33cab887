/** Users and groups that this machine does not have, when the program brings a way to look them up. */
import { messageOf } from "../../core/text/message_of.ts";
import type { Finding } from "../finding.ts";
import type { ConfigParts } from "../parts.ts";
import { mapOr } from "../plain_value.ts";
import type { Path } from "../problem.ts";
import { listenerSections } from "./listener_sections.ts";

export function checkAccounts(root: unknown, { accounts }: ConfigParts): Finding[] {
  if (accounts === undefined) return [];
  const config = mapOr(root);
  const places = [{ settings: config, path: [] as Path }, ...listenerSections(config)];
  return places.flatMap(({ settings, path }) =>
    (["user", "group"] as const).flatMap((key) => {
      const name = settings[key];
      // A number needs no entry, and of anything else the schema speaks.
      if (typeof name !== "string" || name === "") return [];
      try {
        accounts[key](name);
        return [];
      } catch (error) {
        return [{ path: [...path, key], what: "value" as const, message: messageOf(error) }];
      }
    }),
  );
}
