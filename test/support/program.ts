/** The program that black-box tests run: the sources, or the file that `FAIRLEAD_BIN` names. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

/** Program and arguments that start it; a command and its arguments follow. */
export const PROGRAM: readonly string[] = programUnderTest(process.env["FAIRLEAD_BIN"] ?? "");

function programUnderTest(binary: string): readonly string[] {
  if (binary === "") return [process.execPath, join(import.meta.dir, "../../src/main.ts")];
  const path = resolve(binary);
  if (!existsSync(path)) throw new Error(`FAIRLEAD_BIN names ${path}, where no file is`);
  return [path];
}
