/** The file behind the name of the hosts file: where it is, and what it holds. */
import { constants, type Stats } from "node:fs";
import { lstat, open, readFile, realpath } from "node:fs/promises";
import { dirname, join, basename, sep } from "node:path";
import type { HostsPlan } from "../../core/plan.ts";
import { unescapedPlace } from "../../platform/mounts.ts";
import { messageOf } from "../../core/text/message_of.ts";
import { HostsFileError } from "./hosts_file_error.ts";

/** Every look-up of a name reads all of the file: a larger one is a mistake. */
export const MAX_BYTES = 8 * 2 ** 20;

export type TargetRules = Pick<HostsPlan, "allowed_roots" | "create">;

export interface TargetContent {
  /** The file itself, behind all links. */
  readonly path: string;
  /** One character per byte. */
  readonly text: string;
  /** Null: there is no file yet, and it may be made. */
  readonly stat: Stats | null;
}

/** The file behind all links. Throws HostsFileError for a link that leads nowhere or out of the allowed folders. */
export async function targetOf(path: string, { allowed_roots }: TargetRules): Promise<string> {
  let target: string;
  try {
    target = await realpath(path);
  } catch (error) {
    if (await isLink(path))
      throw new HostsFileError(`${path} is a link that leads nowhere; expected a file`, "dangling", error);
    const folder = await realpath(dirname(path)).catch(() => dirname(path));
    return join(folder, basename(path));
  }
  if (!(await isLink(path))) return target;
  const roots = await Promise.all(allowed_roots.map((root) => realpath(root).catch(() => root)));
  if (roots.some((root) => target.startsWith(root.endsWith(sep) ? root : root + sep))) return target;
  throw new HostsFileError(
    `${path} is a link to ${target}, which is outside of ${roots.join(", ")}; expected allowed_roots to name its folder`,
    "link outside",
  );
}

async function isLink(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => null))?.isSymbolicLink() === true;
}

/** Reads the file. Throws HostsFileError with one sentence for everything that is not a regular file of a sane size. */
export async function readTarget(path: string, rules: TargetRules): Promise<TargetContent> {
  const target = await targetOf(path, rules);
  try {
    // Not blocking: a pipe in its place would never answer.
    const file = await open(target, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stat = await file.stat();
      if (!stat.isFile())
        throw refusal(path, stat.isDirectory() ? "is a directory" : "is not a regular file");
      if (stat.size > MAX_BYTES) throw refusal(path, `is larger than ${MAX_BYTES / 2 ** 20} MiB`);
      return { path: target, text: (await file.readFile()).toString("latin1"), stat };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof HostsFileError) throw error;
    const { code = "" } = error as { code?: string };
    if (code === "ENOENT" && rules.create) return { path: target, text: "", stat: null };
    if (code === "ENOENT")
      throw new HostsFileError(`${path}: there is no such file; hosts.create makes it`, "missing", error);
    const words = code === "EACCES" ? "permission denied" : messageOf(error);
    throw new HostsFileError(`${path} cannot be read: ${words}`, `read ${code}`, error);
  }
}

function refusal(path: string, what: string): HostsFileError {
  return new HostsFileError(`${path} ${what}; expected a hosts file`, what);
}

/** True for a file that something is mounted on, as in containers: it can neither be renamed nor replaced. */
export async function isMountPoint(path: string): Promise<boolean> {
  const text = await readFile("/proc/self/mountinfo", "utf8").catch(() => "");
  return text.split("\n").some((line) => unescapedPlace(line.split(" ")[4] ?? "") === path);
}

/** Makes what has changed in a folder last. */
export async function syncDirectory(folder: string): Promise<void> {
  const directory = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
