/** The key of a program whose configuration names no secret: made once, and kept in `state_dir`, so that tokens outlive a restart. */
import { join } from "node:path";
import type { RedirectPlan } from "../../../core/plan.ts";
import type { Files } from "../../../platform/files.ts";

const FILE = "redirect-feedback.key";
const KEY_BYTES = 32;
/** What such a file holds: hexadecimal digits and a line break. */
const MAX_FILE_BYTES = 1_024;

export interface OwnKey {
  readonly key: string;
  /** Why the key will not outlive this program, in one sentence, or null. */
  readonly problem: string | null;
}

/** True where an application takes feedback and has no secret of its own. */
export function needsOwnKey({ apps, defaults }: RedirectPlan): boolean {
  return [defaults, ...Object.values(apps)].some(({ feedback }) => feedback?.secret === null);
}

export async function ownKey(files: Files, state_dir: string): Promise<OwnKey> {
  const path = join(state_dir, FILE);
  const content = await files.read(path, MAX_FILE_BYTES);
  if ("bytes" in content) {
    const key = new TextDecoder().decode(content.bytes).trim();
    if (key.length >= KEY_BYTES) return { key, problem: null };
  }
  const key = crypto.getRandomValues(new Uint8Array(KEY_BYTES)).toHex();
  const problem = await files.replace(path, new TextEncoder().encode(`${key}\n`));
  return { key, problem: problem === null ? null : `${path} cannot be written: ${problem}` };
}
