/** Reads what a folder of generations holds: generations of ours, and files that somebody has put beside them. */
import { join } from "node:path";
import { contentHash, type FileContent, type Files } from "../../../platform/files.ts";
import { APPLICATION_FILES, GLOBAL_FILES, isKnownFile } from "./content.ts";
import { generationName } from "./generation_writer.ts";
import {
  type Manifest,
  MANIFEST_FILE,
  manifestProblem,
  MOST_MANIFEST_BYTES,
  readManifest,
} from "./manifest.ts";

export interface Generation {
  readonly manifest: Manifest;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** The generation, or why it cannot be used: completes the sentence that begins with its name. */
export async function readGeneration(
  source: Files,
  root: string,
  number: number,
  maxFileBytes: number,
): Promise<Generation | string> {
  const folder = join(root, generationName(number));
  const found = await source.read(join(folder, MANIFEST_FILE), maxFileBytes);
  if ("problem" in found) return `${MANIFEST_FILE}: ${found.problem}`;
  const manifest = readManifest(found.bytes);
  if (typeof manifest === "string") return `${MANIFEST_FILE} ${manifest}`;
  const files = new Map<string, Uint8Array>();
  for (const { name, bytes, sha256 } of manifest.files) {
    const content = await source.read(join(folder, name), maxFileBytes);
    const problem = contentProblem(content, bytes, sha256);
    if (problem !== null) return `${name}: ${problem}`;
    if ("bytes" in content) files.set(name, content.bytes);
  }
  return { manifest, files };
}

function contentProblem(content: FileContent, bytes: number, sha256: string): string | null {
  if ("problem" in content) return content.problem;
  if (content.bytes.length !== bytes) return `has ${content.bytes.length} bytes and not ${bytes}`;
  return content.hash === sha256 ? null : "does not have the checksum that the manifest names";
}

export interface PlainFiles {
  /** By name; empty = there are none. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Of names and contents. */
  readonly hash: string;
  /** Sentences about those that cannot be read. */
  readonly problems: readonly string[];
  /** They are not those of the manifest that stands beside them: it completes a sentence about the folder. */
  readonly damage: string | null;
}

/** Files of the original's layout that stand in the root itself; `names` is what stands there. */
export async function readPlainFiles(
  source: Files,
  root: string,
  names: readonly string[],
  maxFileBytes: number,
): Promise<PlainFiles> {
  const files = new Map<string, Uint8Array>();
  const problems: string[] = [];
  const take = async (name: string): Promise<void> => {
    const content = await source.read(join(root, name), maxFileBytes);
    if ("bytes" in content) files.set(name, content.bytes);
    else problems.push(`${join(root, name)}: ${content.problem}`);
  };
  const globals = Object.values(GLOBAL_FILES) as readonly string[];
  const known = new Set<string>(Object.values(APPLICATION_FILES));
  for (const name of names) {
    if (globals.includes(name)) await take(name);
    if (name.includes(".json") || name.startsWith(".") || name.startsWith("generation-")) continue;
    const listed = await source.list(join(root, name));
    if ("problem" in listed) problems.push(`${join(root, name)}: ${listed.problem}`);
    else for (const each of listed.names ?? []) if (known.has(each)) await take(`${name}/${each}`);
  }
  const lines = [...files].map(([name, bytes]) => `${name} ${contentHash(bytes)}`).toSorted();
  const hash = contentHash(new TextEncoder().encode(lines.join("\n")));
  const damage = names.includes(MANIFEST_FILE) && files.size > 0 ? await damageOf(source, root, files) : null;
  return { files, hash, problems, damage };
}

/** Files are copied there one by one, and the copying may have been cut short. What stands beside those of the manifest is old. */
async function damageOf(
  source: Files,
  root: string,
  files: ReadonlyMap<string, Uint8Array>,
): Promise<string | null> {
  const found = await source.read(join(root, MANIFEST_FILE), MOST_MANIFEST_BYTES);
  if ("problem" in found) return `has a ${MANIFEST_FILE} that cannot be read: ${found.problem}`;
  const manifest = readManifest(found.bytes);
  if (typeof manifest === "string") return `has a ${MANIFEST_FILE} that ${manifest}`;
  return manifestProblem(manifest, files, isKnownFile);
}
