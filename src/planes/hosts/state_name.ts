/** Names of files in the state directory that belong to one hosts file. */
import { contentHash } from "../../platform/files.ts";

/** `hosts-` and a hash: two hosts files on a machine do not share what is kept of them. */
export function stateName(hostsFile: string): string {
  return `hosts-${contentHash(Buffer.from(hostsFile)).slice(0, 16)}`;
}
