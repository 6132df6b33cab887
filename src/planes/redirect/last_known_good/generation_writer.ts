/** Writes folders with files so that after a crash at any moment each of them is there as a whole, or not at all. */
import { constants } from "node:fs";
import { chmod, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

const FOLDER_MODE = 0o750;
const FILE_MODE = 0o640;

const GENERATION = /^generation-(\d{12})$/;
/** Folders that are being written, with the number of the process; or removed. */
const UNFINISHED = /^\.(?:writing|removing)-(\d+)-\d+$/;
/** How often another number is tried because another program has taken it. */
const MOST_TRIES = 5;

export function generationName(number: number): string {
  return `generation-${String(number).padStart(12, "0")}`;
}

/** Numbers of the generations in a folder with these names, the newest first. */
export function generationNumbers(names: readonly string[]): number[] {
  return names
    .flatMap((name) => GENERATION.exec(name)?.[1] ?? [])
    .map(Number)
    .toSorted((one, other) => other - one);
}

/** A file that has been written. */
export interface WrittenFile {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface NewGeneration {
  /** By name, in the order in which they are written, each in pieces. */
  readonly files: ReadonlyMap<string, Iterable<string>>;
  /** The last file, which knows the others. */
  readonly last: { readonly name: string; readonly bytes: (written: readonly WrittenFile[]) => Uint8Array };
  /** Longest file. */
  readonly max_file_bytes: number;
}

/**
 * Writes a new generation into the folder `root`, which is made where it is missing. Returns its number. Throws what the system says; then nothing is left of it. One call at a time.
 */
export async function writeGeneration(root: string, generation: NewGeneration): Promise<number> {
  await makeRoot(root);
  await removeUnfinished(root);
  let number = (generationNumbers(await readdir(root))[0] ?? 0) + 1;
  const fresh = join(root, `.writing-${process.pid}-${number}`);
  try {
    await writeFolder(fresh, generation);
    for (let tries = 1; ; tries++)
      try {
        await rename(fresh, join(root, generationName(number)));
        break;
      } catch (error) {
        const { code } = error as { code?: string };
        if ((code !== "ENOTEMPTY" && code !== "EEXIST") || tries === MOST_TRIES) throw error;
        number++;
      }
    await syncFolder(root);
    return number;
  } catch (error) {
    await rm(fresh, { recursive: true, force: true }).catch(() => undefined);
    throw error;
  }
}

/** Removes all but the newest `keep` generations. Throws what the system says. */
export async function removeOldGenerations(root: string, keep: number): Promise<void> {
  const old = generationNumbers(await readdir(root)).slice(keep);
  for (const number of old) {
    // Under another name first, so that no half of one is ever taken for a damaged one.
    const doomed = join(root, `.removing-${process.pid}-${number}`);
    await rename(join(root, generationName(number)), doomed).catch((error: unknown) => {
      // Another program has removed it.
      if ((error as { code?: string }).code !== "ENOENT") throw error;
    });
    await rm(doomed, { recursive: true, force: true });
  }
}

/** The folder may be in one that is made as well: each lasts when the one that it is in does. */
async function makeRoot(root: string): Promise<void> {
  const first = await mkdir(root, { recursive: true, mode: FOLDER_MODE });
  if (first === undefined) return;
  await chmod(root, FOLDER_MODE);
  for (let made = root; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

/** What programs that are gone have left, and what an earlier call of this one has. */
async function removeUnfinished(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    const process_id = Number(UNFINISHED.exec(name)?.[1] ?? Number.NaN);
    if (Number.isNaN(process_id) || (process_id !== process.pid && isAlive(process_id))) continue;
    await rm(join(root, name), { recursive: true, force: true });
  }
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
}

async function writeFolder(folder: string, { files, last, max_file_bytes }: NewGeneration): Promise<void> {
  const folders = new Set([folder]);
  await makeFolder(folder);
  const written: WrittenFile[] = [];
  for (const [name, pieces] of files) {
    const path = join(folder, name);
    if (!folders.has(dirname(path))) await makeFolder(dirname(path));
    folders.add(dirname(path));
    written.push({ name, ...(await writeFile(path, bytesOf(pieces, name, max_file_bytes))) });
  }
  await writeFile(join(folder, last.name), [last.bytes(written)]);
  for (const each of folders) await syncFolder(each);
}

function* bytesOf(pieces: Iterable<string>, name: string, maxBytes: number): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  let length = 0;
  for (const piece of pieces) {
    const bytes = encoder.encode(piece);
    length += bytes.length;
    if (length > maxBytes)
      throw new RangeError(`${name} has ${length} bytes or more; expected at most ${maxBytes}`);
    yield bytes;
  }
}

/** Whatever the process's umask is. */
async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { mode: FOLDER_MODE });
  await chmod(path, FOLDER_MODE);
}

async function writeFile(path: string, pieces: Iterable<Uint8Array>): Promise<Omit<WrittenFile, "name">> {
  const file = await open(path, "wx", FILE_MODE);
  try {
    await file.chmod(FILE_MODE);
    const hash = new Bun.CryptoHasher("sha256");
    let length = 0;
    // Between two pieces the event loop goes on.
    for (const piece of pieces) {
      hash.update(piece);
      length += piece.length;
      await file.writeFile(piece);
    }
    await file.sync();
    return { bytes: length, sha256: hash.digest("hex") };
  } finally {
    await file.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
