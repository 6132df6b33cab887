/** Directories whose content the program believes: others must not be able to put anything there. */
import { statSync } from "node:fs";

/**
 * Looks at a directory that exists; `setting` is its name in the configuration. Throws Error with one sentence when it is no
 * directory, belongs to somebody else than root and us, or may be written by everybody, and what the system says when it
 * cannot be looked at.
 */
export function checkOwnDirectory(setting: string, path: string): void {
  const found = statSync(path);
  if (!found.isDirectory()) throw new Error(`${setting} ${path} is no directory`);
  const { uid, mode } = found;
  if (uid !== 0 && uid !== process.geteuid?.())
    throw new Error(`${setting} ${path} belongs to uid ${uid}; expected root or the user of the program`);
  if ((mode & 0o002) !== 0)
    throw new Error(
      `${setting} ${path} may be written by everybody; expected a directory of our own (mode 755 or less)`,
    );
}
