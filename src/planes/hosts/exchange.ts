/** Two files change places, unless somebody has edited the one that is replaced. */
import { lstatSync, readFileSync } from "node:fs";
import { exchangeFiles } from "../../platform/file_extras.ts";
import type { TargetContent } from "./hosts_target.ts";

/** What was seen of a file. */
type Sight = Pick<TargetContent, "stat" | "text">;

/**
 * Puts `fresh` in the place of the file that was read as `seen`, and what was there under the name of `fresh`. False: an edit
 * has come between look and exchange, and has its place back. Throws SystemCallError where files cannot be exchanged.
 *
 * Without a wait, so that nobody edits between two exchanges unless within some microseconds. Then the later edit stays.
 */
export function exchangeUnlessEdited(fresh: string, path: string, seen: Sight): boolean {
  const ours = sight(fresh);
  // Most edits are seen here, before any reader sees our file.
  if (!isSame(sight(path), seen)) return false;
  for (let [expected, put] = [seen, ours]; ;) {
    exchangeFiles(fresh, path);
    const out = sight(fresh);
    if (isSame(out, expected)) return put === ours;
    [expected, put] = [put, out];
  }
}

/** Links are not followed: a link in the place of the file is an edit. The text of what cannot be read is empty. */
function sight(path: string): Sight {
  const stat = lstatSync(path, { throwIfNoEntry: false }) ?? null;
  return { stat, text: stat?.isFile() === true ? readFileSync(path, "latin1") : "" };
}

function isSame(one: Sight, other: Sight): boolean {
  const identity = ({ stat }: Sight): string => [stat?.ino, stat?.mode, stat?.uid, stat?.gid].join();
  return identity(one) === identity(other) && one.text === other.text;
}
