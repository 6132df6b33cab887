/** An installation of the original as its gateway's files, read and written. */
import { DEFAULT_REDIRECT } from "../../../core/defaults.ts";
import { documentProblemText } from "../../../core/redirect/documents/reading.ts";
import {
  whitelistUpdatesDocument,
  type WhitelistUpdate,
} from "../../../core/redirect/documents/whitelist.ts";
import { readXml, writeXml } from "../documents/xml.ts";
import { filesOf, folderOf, type KnownGood, wholeFiles } from "../last_known_good/content.ts";
import { readContent } from "../last_known_good/read_content.ts";
import { applicationOf, type OriginalInstallation } from "./original_installation.ts";

/** In the folder of an application, as the original's bundles have it. */
export const WHITELIST_UPDATES_FILE = "whitelist_updates.xml";

/** `files` by name, such as `a1/selectserver.xml`. Hosts are not read: they register themselves. */
export function readOriginalFiles(
  files: ReadonlyMap<string, Uint8Array>,
  max_file_bytes: number,
): OriginalInstallation {
  const read = readContent(files, {
    ...DEFAULT_REDIRECT.discovery,
    static_applications: new Set(),
    max_file_bytes,
  });
  const problems = [...read.problems];
  const updatesOf = (application: string): readonly WhitelistUpdate[] => {
    const name = `${folderOf(application)}/${WHITELIST_UPDATES_FILE}`;
    const bytes = files.get(name);
    if (bytes === undefined) return [];
    const found = readXml(whitelistUpdatesDocument, [bytes], { max_model_bytes: max_file_bytes });
    problems.push(...found.problems.map((problem) => `${name}: ${documentProblemText(problem)}`));
    return found.value ?? [];
  };
  const applications = (read.applications ?? []).map((name) => ({
    ...applicationOf(name, read.models.get(name) ?? null),
    whitelist_updates: updatesOf(name),
  }));
  return {
    applications,
    lists: read.lists ?? { version: 0, lists: [] },
    list_actions: [],
    settings: read.settings,
    problems,
    warnings: [],
  };
}

/** The files by name. Throws RangeError for characters that XML cannot hold. */
export function writeOriginalFiles(
  content: KnownGood,
  updates: ReadonlyMap<string, readonly WhitelistUpdate[]>,
  static_applications: ReadonlySet<string>,
): ReadonlyMap<string, Uint8Array> {
  const files = wholeFiles(filesOf(content, static_applications));
  for (const [application, all] of updates)
    if (all.length > 0)
      files.set(
        `${folderOf(application)}/${WHITELIST_UPDATES_FILE}`,
        new TextEncoder().encode(writeXml(whitelistUpdatesDocument, all)),
      );
  return files;
}
