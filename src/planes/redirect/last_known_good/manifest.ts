/** What a generation consists of, written last: a generation without it, or whose files are others, is none. */
import { z } from "zod";
import { contentHash } from "../../../platform/files.ts";
import type { KnownGood } from "./content.ts";
import type { WrittenFile } from "./generation_writer.ts";
import type { KnownLists } from "./list_pieces.ts";

export const MANIFEST_FILE = "manifest.json";

/** Of a hundred thousand files. */
export const MOST_MANIFEST_BYTES = 16 * 1_024 * 1_024;

const FORMAT = 1;

const manifestSchema = z.object({
  /** Newer programs may write others. */
  format: z.literal(FORMAT),
  saved_at: z.iso.datetime(),
  is_offline: z.boolean(),
  /** Hash of the files that somebody had put beside the generations, and that were taken by then; null = none. */
  taken: z.string().nullable(),
  versions: z.object({
    lists: z.number(),
    models: z.array(z.object({ application: z.string(), version: z.number() })),
  }),
  files: z.array(z.object({ name: z.string(), bytes: z.number(), sha256: z.string() })),
});

export type Manifest = z.output<typeof manifestSchema>;

const sealedSchema = z.object({ manifest: z.unknown(), sha256: z.string() });

export function versionsOf({ models, lists }: KnownGood<KnownLists>): Manifest["versions"] {
  return {
    lists: lists.version,
    models: [...models].map(([application, { version }]) => ({ application, version })),
  };
}

export function manifestOf(
  content: KnownGood<KnownLists>,
  files: readonly WrittenFile[],
  savedAtMs: number,
  taken: string | null,
): Manifest {
  return {
    format: FORMAT,
    saved_at: new Date(savedAtMs).toISOString(),
    is_offline: content.is_offline,
    taken,
    versions: versionsOf(content),
    files: [...files],
  };
}

/** The manifest with a hash of itself. */
export function manifestBytes(manifest: Manifest): Uint8Array {
  const encoder = new TextEncoder();
  const sha256 = contentHash(encoder.encode(JSON.stringify(manifest)));
  return encoder.encode(`${JSON.stringify({ manifest, sha256 }, null, 2)}\n`);
}

/** The manifest, or what is wrong with it: completes the sentence that begins with its name. */
export function readManifest(bytes: Uint8Array): Manifest | string {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return "is no JSON";
  }
  const sealed = sealedSchema.safeParse(value);
  if (!sealed.success) return "is not a manifest of this program";
  const { manifest, sha256 } = sealed.data;
  if (contentHash(new TextEncoder().encode(JSON.stringify(manifest) ?? "")) !== sha256)
    return "does not have the checksum that it names";
  const parsed = manifestSchema.safeParse(manifest);
  return parsed.success ? parsed.data : "is of a format that this program does not know";
}

/** Where files are others than those that the manifest names, or null; `isMeant` says which of these matter. */
export function manifestProblem(
  { files: named }: Manifest,
  files: ReadonlyMap<string, Uint8Array>,
  isMeant: (name: string) => boolean,
): string | null {
  for (const { name, bytes, sha256 } of named) {
    if (!isMeant(name)) continue;
    const content = files.get(name);
    if (content === undefined) return `lacks ${name}, which its ${MANIFEST_FILE} names`;
    if (content.length !== bytes || contentHash(content) !== sha256)
      return `has another ${name} than its ${MANIFEST_FILE} names`;
  }
  return null;
}
