/** `fairlead redirect export`: models, lists and hosts as files of the original's gateway. */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { counted } from "../../core/text/counted.ts";
import { messageOf } from "../../core/text/message_of.ts";
import { Records } from "../../planes/redirect/service/records/records.ts";
import { writeOriginalFiles } from "../../planes/redirect/takeover/original_files.ts";
import { readStoredContent } from "../../planes/redirect/takeover/stored_content.ts";
import { readCommand, usageError, type Output } from "../command.ts";
import type { ProgramParts } from "../program_parts.ts";
import { STORE_OPTIONS, storeChoice, storeChoiceProblem, type StoreChoice } from "../store_choice.ts";
import { withStore } from "./import.ts";

const HELP = `usage: fairlead redirect export DIR (-c FILE | --zookeeper HOSTS | --sqlite DIR) [--base-path PATH] [--static APP …]

Writes what a store holds as the files that a gateway of the original starts from: applications.json, namespacedlists.json,
stacks.json, and for each application selectserver.xml, urlrules.xml, whitelist.xml and more. "fairlead redirect import DIR"
reads them back.

      DIR                a folder, made where it is missing
  -c, --config FILE      a configuration whose section redirect names the store
      --zookeeper HOSTS  servers such as zk1:2181,zk2:2181
      --sqlite DIR       the folder of a store on this machine
      --base-path PATH   path below which that store is kept
      --static APP       the hosts of this application stand in a file of its own, as the original has it for static ones
      --replace          the folder may have files: those of the same names are replaced
      --json             print the result as JSON
  -h, --help             print this

examples:
  fairlead redirect export ./backup -c /etc/fairlead/fairlead.yaml
  fairlead redirect export /opt/redirector/backups --zookeeper zk1:2181 --static xreGuide --replace

exit code: 0 when all files are written, 1 when something is in the way
`;

const OPTIONS = {
  ...STORE_OPTIONS,
  static: { type: "string", multiple: true, default: [] as string[] },
  replace: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
} as const;

/** Runs the command with the arguments behind `redirect export`. Resolves with the exit code. */
export async function redirectExportCommand(
  args: readonly string[],
  program: ProgramParts,
  output: Output,
): Promise<number> {
  const read = readCommand("redirect export", HELP, args, OPTIONS, output);
  if (typeof read === "number") return read;
  const { words, values } = read;
  const [folder] = words;
  if (folder === undefined || words.length > 1)
    return usageError("redirect export", "expected one folder", output);
  const problem = storeChoiceProblem(values);
  if (problem !== null) return usageError("redirect export", problem, output);
  try {
    if (!values.replace && namesIn(folder).length > 0)
      throw new Error(`${folder} has files already; --replace writes among them`);
    const files = await exported(await storeChoice(values, program), new Set(values.static));
    for (const [name, bytes] of files) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), bytes);
    }
    const names = [...files.keys()].toSorted();
    if (values.json) output.out(`${JSON.stringify({ ok: true, folder, files: names })}\n`);
    else
      output.out(
        `${names.map((name) => `${name}\n`).join("")}${counted(names.length, "file")} in ${folder}\n`,
      );
    return 0;
  } catch (error) {
    if (values.json) output.out(`${JSON.stringify({ ok: false, error: messageOf(error) })}\n`);
    else output.error(`fairlead redirect export: ${messageOf(error)}\n`);
    return 1;
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

async function exported(
  choice: StoreChoice,
  static_applications: ReadonlySet<string>,
): Promise<ReadonlyMap<string, Uint8Array>> {
  return await withStore(choice.open(), async (store) => {
    const records = new Records(
      () => store,
      () => choice.max_model_bytes,
    );
    const { content, whitelist_updates } = await readStoredContent(store, records);
    if (content.models.size === 0 && content.lists.lists.length === 0)
      throw new Error(`${choice.name} has no models and no lists`);
    return writeOriginalFiles(content, whitelist_updates, static_applications);
  });
}
