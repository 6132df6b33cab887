/** File systems: which are mounted, and mounting one (mount(2), as root). */
import { readFileSync } from "node:fs";
import { checked, libc, reserve } from "./libc.ts";

export interface Mount {
  readonly place: string;
  readonly type: string;
}

const TEXT_BYTES = 4_096;
const place = reserve(TEXT_BYTES);
const type = reserve(64);
/** The process's own mounts (proc(5)). */
const MOUNTS = "/proc/self/mounts";

/** In the order in which they were mounted. */
export function mountsOf(text = readFileSync(MOUNTS, "utf8")): Mount[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [, path = "", name = ""] = line.split(" ");
      return { place: unescapedPlace(path), type: name };
    });
}

/** A path of the kernel's lists of mounts: spaces, tabs, line feeds and backslashes stand there as octal numbers. */
export function unescapedPlace(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

/** Mounts a file system without a device. Throws SystemCallError; RangeError for a name that is too long. */
export function mountAt(path: string, name: string): void {
  put(place.bytes, path);
  put(type.bytes, name);
  checked(`mount ${name} at ${path}`, libc.mount(type.address, place.address, type.address, 0, null));
}

/** Throws SystemCallError. */
export function unmountAt(path: string): void {
  put(place.bytes, path);
  checked(`umount ${path}`, libc.umount2(place.address, 0));
}

function put(into: Uint8Array, text: string): void {
  const bytes = new TextEncoder().encode(`${text}\0`);
  if (bytes.length > into.length) throw new RangeError(`${text}: at most ${into.length - 1} bytes`);
  into.set(bytes);
}
