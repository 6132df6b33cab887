/** `fairlead redirect import`: what an installation of the original holds becomes ours. */
import { userInfo } from "node:os";
import { join } from "node:path";
import { counted } from "../../core/text/counted.ts";
import { messageOf } from "../../core/text/message_of.ts";
import { APPLICATION_FILES, folderOf, GLOBAL_FILES } from "../../planes/redirect/last_known_good/content.ts";
import { readPlainFiles } from "../../planes/redirect/last_known_good/generation_reader.ts";
import { DEFAULT_MAX_FILE_BYTES } from "../../planes/redirect/last_known_good/last_known_good.ts";
import { Records } from "../../planes/redirect/service/records/records.ts";
import { configurationText, countsOf } from "../../planes/redirect/takeover/installation_text.ts";
import { presentAlready, writeInstallation } from "../../planes/redirect/takeover/installation_writer.ts";
import { readOriginalFiles, WHITELIST_UPDATES_FILE } from "../../planes/redirect/takeover/original_files.ts";
import type { OriginalInstallation } from "../../planes/redirect/takeover/original_installation.ts";
import { readOriginalTree } from "../../planes/redirect/takeover/original_tree.ts";
import { realFiles } from "../../platform/files.ts";
import type { Store } from "../../store/contract.ts";
import { readCommand, usageError, type Output } from "../command.ts";
import type { ProgramParts } from "../program_parts.ts";
import { storeChoice } from "../store_choice.ts";
import { textTable } from "../text_table.ts";

const HELP = `usage: fairlead redirect import (--zookeeper HOSTS [--base-path PATH] | DIR [--app APP]) --to FILE [options]

Takes over what the original redirector holds: models, templates, pending changes, test cases, comments, settings and named
lists of its tree in ZooKeeper, or models and lists of a gateway's files. The source is only read. What was there stays as
it is: this program keeps its own below fairlead, and hosts register where they always did.

      --zookeeper HOSTS  servers of the original's ZooKeeper, such as zk1:2181,zk2:2181
      --base-path PATH   zooKeeperBasePath of the original
      DIR                folder with applications.json, namespacedlists.json and APP/selectserver.xml, urlrules.xml, whitelist.xml
      --app APP          the application whose selectserver.xml stands in DIR itself
      --to FILE          a configuration whose section redirect names the store that is written
      --plan             print what would come, and write nothing
      --replace          applications, lists and settings that are there already become those of the source
      --skip-problems    leave out what cannot be read; else nothing is written when there is any
      --json             print the result as JSON
  -h, --help             print this

examples:
  fairlead redirect import --zookeeper zk1:2181 --base-path /prod --to /etc/fairlead/fairlead.yaml --plan
  fairlead redirect import /opt/redirector/backups --to fairlead.yaml --replace --json | jq .applications

exit code: 0 when all is written or, with --plan, could be; 1 when something is in the way
`;

const OPTIONS = {
  zookeeper: { type: "string" },
  "base-path": { type: "string" },
  app: { type: "string" },
  to: { type: "string" },
  plan: { type: "boolean", default: false },
  replace: { type: "boolean", default: false },
  "skip-problems": { type: "boolean", default: false },
  json: { type: "boolean", default: false },
} as const;

/** So long a store is waited for. */
export const STORE_WAIT_MS = 10_000;

interface ImportValues {
  readonly zookeeper?: string | undefined;
  readonly "base-path"?: string | undefined;
  readonly app?: string | undefined;
  readonly plan: boolean;
  readonly replace: boolean;
  readonly "skip-problems": boolean;
  readonly json: boolean;
}

/** Runs the command with the arguments behind `redirect import`. Resolves with the exit code. */
export async function redirectImportCommand(
  args: readonly string[],
  program: ProgramParts,
  output: Output,
): Promise<number> {
  const read = readCommand("redirect import", HELP, args, OPTIONS, output);
  if (typeof read === "number") return read;
  const { words, values } = read;
  const problem = choiceProblem(words, values);
  if (problem !== null) return usageError("redirect import", problem, output);
  try {
    const result = await imported(words[0] ?? null, values, values.to!, program);
    output.out(values.json ? `${JSON.stringify(result)}\n` : resultText(result));
    return result.ok ? 0 : 1;
  } catch (error) {
    if (values.json) output.out(`${JSON.stringify({ ok: false, error: messageOf(error) })}\n`);
    else output.error(`fairlead redirect import: ${messageOf(error)}\n`);
    return 1;
  }
}

function choiceProblem(
  words: readonly string[],
  values: ImportValues & { readonly to?: string | undefined },
): string | null {
  if (words.length > 1) return `${words[1]}: expected one folder`;
  if ((words.length === 1) === (values.zookeeper !== undefined))
    return "expected --zookeeper HOSTS or a folder";
  if (words.length === 1 && values["base-path"] !== undefined) return "--base-path: a folder has none";
  if (words.length === 0 && values.app !== undefined) return "--app: ZooKeeper tells the applications";
  return values.to === undefined ? "--to is missing; expected a configuration with a section redirect" : null;
}

interface ImportResult {
  readonly ok: boolean;
  readonly written: boolean;
  readonly applications: ReturnType<typeof countsOf>;
  readonly lists: number;
  readonly list_changes: number;
  readonly settings: boolean;
  /** What stands in the store already. */
  readonly present: readonly string[];
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
  /** YAML with which the applications decide as they did. */
  readonly configuration: string;
}

async function imported(
  folder: string | null,
  values: ImportValues,
  configuration: string,
  program: ProgramParts,
): Promise<ImportResult> {
  const target = await storeChoice({ config: configuration }, program);
  const { max_model_bytes } = target;
  const installation =
    folder === null
      ? await treeInstallation(values, program, max_model_bytes)
      : readOriginalFiles(await filesIn(folder, values.app ?? null), DEFAULT_MAX_FILE_BYTES);
  return await withStore(target.open(), async (store) => {
    const records = new Records(
      () => store,
      () => max_model_bytes,
    );
    const present = await presentAlready(records, installation);
    const isBlocked =
      (present.length > 0 && !values.replace) ||
      (installation.problems.length > 0 && !values["skip-problems"]) ||
      isEmpty(installation);
    const written = !isBlocked && !values.plan;
    if (written) {
      const reason = folder === null ? `ZooKeeper ${values.zookeeper}${values["base-path"] ?? ""}` : folder;
      await writeInstallation(records, installation, {
        replace: values.replace,
        who: userInfo().username,
        at: Date.now(),
        reason,
      });
    }
    return {
      ok: !isBlocked,
      written,
      applications: countsOf(installation),
      lists: installation.lists.lists.length,
      list_changes: installation.list_actions.length,
      settings: installation.settings !== null,
      present,
      problems: isEmpty(installation)
        ? [...installation.problems, "nothing of the original was found there"]
        : installation.problems,
      warnings: installation.warnings,
      configuration: configurationText(installation.applications.map(({ name }) => name)),
    };
  });
}

const isEmpty = ({ applications, lists, settings }: OriginalInstallation): boolean =>
  applications.length === 0 && lists.lists.length === 0 && settings === null;

async function treeInstallation(
  { zookeeper, "base-path": base }: ImportValues,
  program: ProgramParts,
  max_bytes: number,
): Promise<OriginalInstallation> {
  const choice = await storeChoice({ zookeeper, "base-path": base }, program);
  return await withStore(choice.open(), (store) => readOriginalTree(store, { max_bytes, at: Date.now() }));
}

/** Opens, and closes whatever happens. */
export async function withStore<Result>(
  store: Store,
  work: (store: Store) => Promise<Result>,
): Promise<Result> {
  // A store by itself keeps no process alive.
  const alive = setInterval(() => {}, STORE_WAIT_MS);
  try {
    await store.whenConnected(STORE_WAIT_MS);
    await store.sync();
    return await work(store);
  } finally {
    await store.close();
    clearInterval(alive);
  }
}

/** Files by name; those that stand in the folder itself are of `app`. Rejects with Error where it cannot be read. */
async function filesIn(folder: string, app: string | null): Promise<ReadonlyMap<string, Uint8Array>> {
  const listed = await realFiles.list(folder);
  if ("problem" in listed) throw new Error(`${folder}: ${listed.problem}`);
  if (listed.names === null) throw new Error(`${folder}: no such folder`);
  const { names } = listed;
  const found = await readPlainFiles(realFiles, folder, names, DEFAULT_MAX_FILE_BYTES);
  if (found.problems.length > 0) throw new Error(found.problems.join("\n"));
  const files = new Map(found.files);
  const folders = new Set(
    [...files.keys()].filter((name) => name.includes("/")).map((name) => name.split("/", 1)[0]!),
  );
  const take = async (name: string, as = name): Promise<void> => {
    const content = await realFiles.read(join(folder, name), DEFAULT_MAX_FILE_BYTES);
    if ("bytes" in content) files.set(as, content.bytes);
  };
  for (const each of folders) await take(`${each}/${WHITELIST_UPDATES_FILE}`);
  if (app === null) return files;
  // It lists the applications of folders.
  files.delete(GLOBAL_FILES.applications);
  const own: readonly string[] = [...Object.values(APPLICATION_FILES), WHITELIST_UPDATES_FILE];
  for (const name of names) if (own.includes(name)) await take(name, `${folderOf(app)}/${name}`);
  return files;
}

function resultText(result: ImportResult): string {
  const { applications, lists, list_changes, settings, present, problems, warnings, configuration } = result;
  const rows = applications.map((one) => [
    one.app,
    one.version === null ? "none" : String(one.version),
    ...[one.rules, one.url_rules, one.templates, one.shares, one.whitelist, one.pending + one.offline].map(
      String,
    ),
    ...[one.tests, one.comments].map(String),
  ]);
  const head = [
    "app",
    "model",
    "rules",
    "url rules",
    "templates",
    "shares",
    "stacks",
    "pending",
    "tests",
    "comments",
  ];
  const changes = list_changes === 0 ? "" : `, ${counted(list_changes, "pending change")} of them`;
  return [
    ...(rows.length === 0 ? [] : [textTable(head, rows)]),
    `${counted(lists, "named list")}${changes}, ${settings ? "settings" : "no settings"}\n`,
    ...warnings.map((text) => `warning: ${text}\n`),
    ...problems.map((text) => `problem: ${text}\n`),
    ...present.map((text) => `present already: ${text}\n`),
    result.written
      ? `all is written; the applications decide as they did with this in the configuration:\n\n${configuration}`
      : result.ok
        ? "nothing is written, as --plan says\n"
        : `nothing is written${present.length > 0 ? "; --replace takes the place of what is present" : ""}\n`,
  ].join("");
}
