/** Puts a bundle into the folder of a gateway's last known good, for its next start. */
import type { Clock } from "../../../platform/clock.ts";
import type { Files } from "../../../platform/files.ts";
import type { WeightOptions } from "../discovery/registration.ts";
import { DEFAULT_MAX_FILE_BYTES, LastKnownGood } from "../last_known_good/last_known_good.ts";
import { bundleLimits, type Bundle, readBundle } from "./bundle.ts";
import { ZipProblem } from "./zip.ts";

export interface BundleFolder extends WeightOptions {
  readonly path: string;
  /** How many generations are kept there. */
  readonly generations: number;
}

export interface AppliedBundle {
  readonly path: string;
  /** Versions of the models that the next start uses, by application. */
  readonly models: Readonly<Record<string, number>>;
  readonly lists_version: number;
  /** ISO 8601; null for a bundle of the original, which does not say it. */
  readonly saved_at: string | null;
}

/** Rejects with Error in one sentence or several lines; then nothing has changed. */
export async function applyBundle(
  file: string,
  folder: BundleFolder,
  files: Files,
  clock: Clock,
): Promise<AppliedBundle> {
  const found = await files.read(file, DEFAULT_MAX_FILE_BYTES);
  if ("problem" in found) throw new Error(`${file}: ${found.problem}`);
  const bundle = bundleIn(file, found.bytes);
  const options = {
    ...folder,
    max_file_bytes: DEFAULT_MAX_FILE_BYTES,
    static_applications: new Set<string>(),
  };
  const content = await new LastKnownGood(options, files, clock).takeBundle(bundle.files);
  if (!("models" in content)) throw new Error(content.map((problem) => `${file}: ${problem}`).join("\n"));
  return {
    path: folder.path,
    models: Object.fromEntries([...content.models].map(([app, { version }]) => [app, version])),
    lists_version: content.lists.version,
    saved_at: bundle.manifest?.saved_at ?? null,
  };
}

function bundleIn(file: string, bytes: Uint8Array): Bundle {
  try {
    return readBundle(bytes, null, bundleLimits(DEFAULT_MAX_FILE_BYTES));
  } catch (error) {
    if (error instanceof ZipProblem) throw new Error(`${file} ${error.message}`, { cause: error });
    throw error;
  }
}
