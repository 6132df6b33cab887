import { z } from "zod";

const nonEmpty = (): z.ZodString =>
  z.string({ error: "expected the name of a file" }).min(1, { error: "expected the name of a file" });

/** A file that is read: it must exist when the configuration is loaded. The value is the absolute name. */
export function inputFile(): z.ZodString {
  return nonEmpty().meta({ file: "input", type_name: "file" });
}

/** A file or folder that Fairlead makes. The value is the absolute name. */
export function outputFile(): z.ZodString {
  return nonEmpty().meta({ file: "output", type_name: "file" });
}
