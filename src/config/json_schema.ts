/** The JSON Schema of the configuration file, for editors. */
import { z } from "zod";
import type { ConfigParts } from "./parts.ts";
import { configSchema } from "./schema/root.ts";

/** Metadata that only Fairlead reads. */
const OWN_KEYS = ["secret", "file", "type_name"];

/** A JSON Schema (draft 2020-12) of what users write. */
export function configJsonSchema(parts: ConfigParts): object {
  const schema = z.toJSONSchema(configSchema(parts), {
    io: "input",
    target: "draft-2020-12",
    unrepresentable: "any",
    override: ({ jsonSchema }) => {
      const entry = jsonSchema as Record<string, unknown>;
      if (entry["secret"] === true) entry["writeOnly"] = true;
      for (const key of OWN_KEYS) delete entry[key];
    },
  });
  return { title: "Fairlead configuration", ...schema };
}
