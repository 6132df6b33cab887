/**
 * Zip files as far as bundles use them (PKWARE APPNOTE 4.3 and 4.4): stored or deflated entries, read by the directory at the end.
 * What a file says of its sizes is not believed: nothing is inflated beyond the limits.
 */
import { crc32, inflateRawSync } from "node:zlib";
import { zipSync } from "fflate";

export interface ZipLimits {
  /** Entries of any kind. */
  readonly max_entries: number;
  /** Of one entry, inflated. */
  readonly max_entry_bytes: number;
  /** Of all entries that are read together, inflated. */
  readonly max_bytes: number;
}

/** What is wrong with a zip file: a sentence about it. */
export class ZipProblem extends Error {}

interface Entry {
  readonly name: string;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly packed_bytes: number;
  readonly bytes: number;
  /** Of its own header, from the beginning of the file. */
  readonly offset: number;
}

const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const MOST_COMMENT_BYTES = 65_535;
const ENTRY_SIGNATURE = 0x02014b50;
const ENTRY_BYTES = 46;
const HEADER_SIGNATURE = 0x04034b50;
const HEADER_BYTES = 30;
const ENCRYPTED = 1;
const STORED = 0;
const DEFLATED = 8;
/** In place of a size or a place that needs 64 bits. */
const BEYOND_32_BITS = 0xffff_ffff;
const LONGEST_NAME = 1_000;

/**
 * The entries whose names `isWanted` takes, by name; folders and other entries are passed over. Throws ZipProblem for what is no zip
 * file, is damaged or encrypted, is beyond a limit, has a name twice, or has any entry whose name leads out of the folder that it is
 * unpacked in.
 */
export function readZip(
  bytes: Uint8Array,
  isWanted: (name: string) => boolean,
  limits: ZipLimits,
): ReadonlyMap<string, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries = directoryOf(view, bytes, limits.max_entries);
  const names = new Set<string>();
  for (const { name } of entries) {
    refuseName(name);
    if (names.has(name)) throw new ZipProblem(`has the entry ${quoted(name)} twice`);
    names.add(name);
  }
  const files = new Map<string, Uint8Array>();
  let left = limits.max_bytes;
  for (const entry of entries) {
    if (entry.name.endsWith("/") || !isWanted(entry.name)) continue;
    const most = Math.min(left, limits.max_entry_bytes);
    if (entry.bytes > most) throw tooLarge(entry.name, most);
    const content = contentOf(view, bytes, entry, most);
    left -= content.length;
    files.set(entry.name, content);
  }
  return files;
}

/** A zip file with these files, in their order; the same files give the same bytes. */
export function writeZip(files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  // Without a time of its own each entry would have that of the machine. The format begins with 1980, in local time.
  const mtime = new Date(1980, 0, 1);
  return zipSync(Object.fromEntries(files), { level: 6, mtime });
}

function directoryOf(view: DataView, bytes: Uint8Array, maxEntries: number): Entry[] {
  const end = endOf(view);
  const count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  if (count === 0xffff || at === BEYOND_32_BITS)
    throw new ZipProblem("is in the format for files above 4 GiB; expected a plain zip file");
  if (count > maxEntries) throw new ZipProblem(`has ${count} entries; expected at most ${maxEntries}`);
  const entries: Entry[] = [];
  for (let index = 0; index < count; index++) {
    if (at + ENTRY_BYTES > end || view.getUint32(at, true) !== ENTRY_SIGNATURE)
      throw new ZipProblem("has a damaged directory");
    const length = view.getUint16(at + 28, true);
    const next = at + ENTRY_BYTES + length + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    if (next > end) throw new ZipProblem("has a damaged directory");
    entries.push({
      name: nameIn(bytes.subarray(at + ENTRY_BYTES, at + ENTRY_BYTES + length)),
      flags: view.getUint16(at + 8, true),
      method: view.getUint16(at + 10, true),
      crc: view.getUint32(at + 16, true),
      packed_bytes: view.getUint32(at + 20, true),
      bytes: view.getUint32(at + 24, true),
      offset: view.getUint32(at + 42, true),
    });
    at = next;
  }
  return entries;
}

/** Where the end record begins, which a comment may follow. */
function endOf(view: DataView): number {
  const last = view.byteLength - END_BYTES;
  for (let at = last; at >= Math.max(0, last - MOST_COMMENT_BYTES); at--)
    if (
      view.getUint32(at, true) === END_SIGNATURE &&
      at + END_BYTES + view.getUint16(at + 20, true) <= view.byteLength
    )
      return at;
  throw new ZipProblem("is no zip file, or its end is missing");
}

function nameIn(bytes: Uint8Array): string {
  if (bytes.length > LONGEST_NAME) throw new ZipProblem("has an entry with a name that is too long");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new ZipProblem("has an entry whose name is not UTF-8");
  }
}

/** Whoever unpacks the file by hand must not be led out of the folder either, so no such entry is passed over. */
function refuseName(name: string): void {
  const steps = (name.endsWith("/") ? name.slice(0, -1) : name).split("/");
  const isSafe =
    !/[\0-\x1f\\]/.test(name) &&
    !/^[a-z]:/i.test(name) &&
    steps.every((step) => step !== "" && step !== "." && step !== "..");
  if (!isSafe)
    throw new ZipProblem(`has an entry with the name ${quoted(name)}; expected a path inside of a folder`);
}

function contentOf(view: DataView, bytes: Uint8Array, entry: Entry, most: number): Uint8Array {
  const { name, flags, method, offset, packed_bytes: length } = entry;
  if ((flags & ENCRYPTED) !== 0) throw new ZipProblem(`has ${quoted(name)} encrypted`);
  if (offset + HEADER_BYTES > bytes.length || view.getUint32(offset, true) !== HEADER_SIGNATURE)
    throw damaged(name);
  const begin = offset + HEADER_BYTES + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true);
  if (begin + length > bytes.length) throw damaged(name);
  const packed = bytes.subarray(begin, begin + length);
  const content = method === STORED ? packed : inflated(packed, entry, most);
  if (content.length !== entry.bytes || crc32(content) !== entry.crc) throw damaged(name);
  return content;
}

function inflated(packed: Uint8Array, { name, method, bytes }: Entry, most: number): Uint8Array {
  if (method !== DEFLATED)
    throw new ZipProblem(`has ${quoted(name)} packed by method ${method}; expected deflate`);
  try {
    // One more than it says: an entry that goes on is not taken for a whole one.
    return inflateRawSync(packed, { maxOutputLength: Math.min(bytes, most) + 1 });
  } catch (error) {
    if ((error as { code?: string }).code === "ERR_BUFFER_TOO_LARGE")
      throw tooLarge(name, Math.min(bytes, most));
    throw damaged(name);
  }
}

const damaged = (name: string): ZipProblem => new ZipProblem(`has ${quoted(name)} damaged`);
const tooLarge = (name: string, most: number): ZipProblem =>
  new ZipProblem(
    `has more than ${most} bytes in ${quoted(name)}, which is beyond the limit or more than it says`,
  );

/** On one line; cut when it is written, because a control character takes six. */
function quoted(name: string): string {
  const text = JSON.stringify(name);
  return text.length <= LONGEST_QUOTED ? text : `${text.slice(0, LONGEST_QUOTED)}…"`;
}

const LONGEST_QUOTED = 80;
