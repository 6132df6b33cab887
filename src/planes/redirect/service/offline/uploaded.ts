/** What clients send: a file or a field in a form, or as the whole body. */
import type { NamedListSet } from "../../../../core/redirect/documents/named_lists.ts";
import { DEFAULT_REDIRECT } from "../../../../core/defaults.ts";
import type { StoredModel } from "../../models/stored.ts";
import { folderOf } from "../../last_known_good/content.ts";
import { readContent } from "../../last_known_good/read_content.ts";
import { bundleLimits, readBundle } from "../../offline/bundle.ts";
import { ZipProblem } from "../../offline/zip.ts";
import type { Call } from "../http/call.ts";
import { formField, isForm } from "../http/form.ts";
import { ServiceError } from "../service_error.ts";

const PAIRS = /^application\/x-www-form-urlencoded\b/i;

/** The bytes of the field `name` of a form, or the whole body where it is none. Throws ServiceError with 400. */
export function uploadedFile({ head, body }: Call, name: string): Uint8Array {
  if (!isForm(head.content_type)) return body;
  const field = formField(body, head.content_type!, name);
  if (field === null) throw new ServiceError(400, `the form has no field ${name}`);
  return field;
}

/** The text of the field `name`, or the whole body; null where there is nothing. Throws ServiceError with 400. */
export function uploadedText(call: Call, name: string): string | null {
  const { head, body } = call;
  if (isForm(head.content_type))
    return new TextDecoder().decode(formField(body, head.content_type!, name) ?? new Uint8Array(0)) || null;
  const text = call.text();
  if (PAIRS.test(head.content_type ?? "")) return new URLSearchParams(text).get(name) || null;
  return text || null;
}

/** Of a bundle, what concerns one application. */
export interface UploadedBundle {
  /** Its version is that of the model which the bundle was made of. */
  readonly stored: StoredModel;
  /** Null for a bundle without lists that have types. */
  readonly lists: NamedListSet | null;
}

/**
 * Throws ServiceError with 400 for a bundle that is damaged in any part that concerns `app`, or has no model of it. Models and lists are
 * at most `maxDocumentBytes` long.
 */
export function bundleIn(bytes: Uint8Array, app: string, maxDocumentBytes: number): UploadedBundle {
  const files = filesIn(bytes, app, maxDocumentBytes);
  const { models, lists, problems } = readContent(files, {
    ...DEFAULT_REDIRECT.discovery,
    static_applications: new Set([app]),
    max_file_bytes: maxDocumentBytes,
  });
  if (problems.length > 0)
    throw new ServiceError(400, problems.map((problem) => `the bundle: ${problem}`).join("\n"), {
      problems: problems.map((message) => ({ code: null, message })),
    });
  const stored = models.get(app);
  if (stored === undefined)
    throw new ServiceError(400, `the bundle has no model of ${app} (folder ${folderOf(app)})`);
  return { stored, lists };
}

function filesIn(bytes: Uint8Array, app: string, maxDocumentBytes: number): ReadonlyMap<string, Uint8Array> {
  try {
    return readBundle(bytes, app, bundleLimits(maxDocumentBytes)).files;
  } catch (error) {
    if (error instanceof ZipProblem) throw new ServiceError(400, `the bundle ${error.message}`);
    throw error;
  }
}
