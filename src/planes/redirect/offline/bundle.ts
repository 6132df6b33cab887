/**
 * Bundles: what gateways are given while the store is away, as one zip file. It holds the files of the last known good in the original's
 * layout, so that an administrator may unpack it into a gateway's folder, and a manifest with the checksum of each.
 */
import type { DocumentKind } from "../../../core/redirect/documents/kind.ts";
import { writeJson } from "../../../core/redirect/documents/kind.ts";
import { stacksDocument, type StackSnapshot } from "../../../core/redirect/documents/gateway_files.ts";
import { rulesDocument, urlRulesDocument } from "../../../core/redirect/documents/rule_documents.ts";
import {
  whitelistUpdatesDocument,
  type WhitelistUpdate,
} from "../../../core/redirect/documents/whitelist.ts";
import { contentHash } from "../../../platform/files.ts";
import { writeXml } from "../documents/xml.ts";
import {
  APPLICATION_FILES,
  filesOf,
  folderOf,
  GLOBAL_FILES,
  isKnownFile,
  type KnownGood,
} from "../last_known_good/content.ts";
import {
  type Manifest,
  MANIFEST_FILE,
  manifestBytes,
  manifestOf,
  manifestProblem,
  readManifest,
} from "../last_known_good/manifest.ts";
import { readZip, writeZip, type ZipLimits, ZipProblem } from "./zip.ts";

/** As the original calls it. */
export const BUNDLE_FILE = "coreBackup.zip";

/** What bundles have of an application beyond what gateways read. */
const HISTORY_FILE = "whitelist_updates.xml";

/** Files of one application; a bundle holds thousands of them. */
const MOST_ENTRIES = 100_000;
/** Models and lists, each with a second form or with templates beside it. */
const DOCUMENTS = 4;

export interface Bundle {
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Null for a bundle of the original, which has no checksums beyond those of the zip file. */
  readonly manifest: Manifest | null;
}

/** What a bundle is made of. */
export interface BundleContent extends Omit<KnownGood, "stacks" | "is_offline"> {
  /** By application. */
  readonly hosts: ReadonlyMap<string, readonly StackSnapshot[]>;
  /** The history of whitelists by application. */
  readonly whitelist_updates: ReadonlyMap<string, readonly WhitelistUpdate[]>;
}

/** Throws RangeError for characters that XML cannot hold, which no reader of a model lets through. */
export function bundleBytes(content: BundleContent, savedAtMs: number): Uint8Array {
  const known: KnownGood = { ...content, stacks: new Map(), is_offline: true };
  const files = bundleFiles(content, known);
  const written = [...files].map(([name, bytes]) => ({
    name,
    bytes: bytes.length,
    sha256: contentHash(bytes),
  }));
  const manifest = manifestOf(known, written, savedAtMs, null);
  return writeZip(new Map([...files, [MANIFEST_FILE, manifestBytes(manifest)]]));
}

function bundleFiles(
  { models, hosts, whitelist_updates: updates }: BundleContent,
  known: KnownGood,
): Map<string, Uint8Array> {
  const encoder = new TextEncoder();
  const files = new Map(
    [...filesOf(known, new Set())].map(([name, pieces]) => [name, encoder.encode([...pieces].join(""))]),
  );
  files.delete(GLOBAL_FILES.stacks);
  const put = (app: string, name: string, text: string): void =>
    void files.set(`${folderOf(app)}/${name}`, encoder.encode(text));
  for (const [app, { model }] of models) {
    const { rule_templates: templates, url_rule_templates: rules } = model;
    put(app, APPLICATION_FILES.stacks, jsonText(stacksDocument, hosts.get(app) ?? []));
    put(app, APPLICATION_FILES.rule_templates_json, jsonText(rulesDocument, templates));
    put(
      app,
      APPLICATION_FILES.url_rule_templates_json,
      jsonText(urlRulesDocument, { rules, default_url: null }),
    );
    put(app, HISTORY_FILE, writeXml(whitelistUpdatesDocument, updates.get(app) ?? []));
  }
  return files;
}

function jsonText<Value>(kind: DocumentKind<Value>, value: Value): string {
  return `${JSON.stringify(writeJson(kind, value))}\n`;
}

/** For reading bundles whose models and lists are at most `maxDocumentBytes` long. */
export function bundleLimits(maxDocumentBytes: number): ZipLimits {
  return {
    max_entries: MOST_ENTRIES,
    max_entry_bytes: maxDocumentBytes,
    max_bytes: DOCUMENTS * maxDocumentBytes,
  };
}

/**
 * The files of a bundle that anybody reads: those for all applications, and those of `app`, or of all where it is null. Throws ZipProblem
 * with a sentence about the bundle where any of it is damaged.
 */
export function readBundle(bytes: Uint8Array, app: string | null, limits: ZipLimits): Bundle {
  const folder = app === null ? null : folderOf(app);
  const isWanted = (name: string): boolean =>
    name === MANIFEST_FILE ||
    (isKnownFile(name) && (folder === null || !name.includes("/") || name.startsWith(`${folder}/`)));
  const files = new Map(readZip(bytes, isWanted, limits));
  const written = files.get(MANIFEST_FILE);
  if (written === undefined) return { files, manifest: null };
  files.delete(MANIFEST_FILE);
  const manifest = readManifest(written);
  if (typeof manifest === "string") throw new ZipProblem(`has a ${MANIFEST_FILE} that ${manifest}`);
  const problem = manifestProblem(manifest, files, isWanted);
  if (problem !== null) throw new ZipProblem(problem);
  const named = new Set(manifest.files.map(({ name }) => name));
  const stray = [...files.keys()].find((name) => !named.has(name));
  if (stray !== undefined) throw new ZipProblem(`has ${stray}, which its ${MANIFEST_FILE} does not name`);
  return { files, manifest };
}
