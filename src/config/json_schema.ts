/** The JSON Schema of the configuration file, for editors. */
import { z } from "zod";
import type { ConfigParts } from "./parts.ts";
import { configSchema } from "./schema/root.ts";

type Entry = Record<string, unknown>;

/** Metadata that only Fairlead reads. */
const OWN_KEYS = ["secret", "file", "type_name", "or_accepts"];
/** What stays beside the alternatives of a setting that takes text and numbers. */
const ANNOTATIONS = ["description", "default", "writeOnly"];

/** A JSON Schema (draft 2020-12) of what users write. */
export function configJsonSchema(parts: ConfigParts): object {
  const schema = z.toJSONSchema(configSchema(parts), {
    io: "input",
    target: "draft-2020-12",
    unrepresentable: "any",
    override: ({ jsonSchema }) => {
      const entry = jsonSchema as Entry;
      const alternative = entry["or_accepts"];
      if (entry["secret"] === true) entry["writeOnly"] = true;
      for (const key of OWN_KEYS) delete entry[key];
      if (alternative !== undefined) allowToo(entry, alternative as Entry);
    },
  });
  // A section whose entries are all commented out is empty.
  for (const section of Object.values(schema.properties ?? {}) as Entry[])
    if (section["type"] === "object" || section["type"] === "array")
      section["type"] = [section["type"], "null"];
  return { title: "Fairlead configuration", ...schema };
}

function allowToo(entry: Entry, alternative: Entry): void {
  const own: Entry = {};
  for (const key of Object.keys(entry).filter((name) => !ANNOTATIONS.includes(name))) {
    own[key] = entry[key];
    delete entry[key];
  }
  entry["anyOf"] = [own, alternative];
}
