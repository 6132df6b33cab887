/** Documents of the original as XML: the same kinds as in JSON. */
import { type DocumentLimits, gathered } from "../../../core/redirect/documents/chunks.ts";
import type { DocumentKind, WrittenKind } from "../../../core/redirect/documents/kind.ts";
import type { DocumentNode, Position } from "../../../core/redirect/documents/node.ts";
import { Reading, unreadable, type Read } from "../../../core/redirect/documents/reading.ts";
import type { XmlElement } from "./xml_element.ts";
import { DEFAULT_XML_LIMITS, XmlProblem, XmlSource, type XmlLimits } from "./xml_source.ts";
import { xmlText } from "./xml_writer.ts";

/** `max_model_bytes` is the caller's, the rest has defaults. */
export type XmlOptions = DocumentLimits & Partial<XmlLimits>;

/**
 * Reads a document in pieces of any size. It is not parsed before all of it is there: no piece is taken after the one that makes it
 * longer than the limit. What is held meanwhile is its bytes and one rule, beside what was read.
 */
export function readXml<Value>(
  kind: DocumentKind<Value>,
  chunks: Iterable<Uint8Array>,
  options: XmlOptions,
): Read<Value> {
  const all = gathered(chunks, options);
  if ("refusal" in all) return unreadable(all.refusal);
  const source = new XmlSource(all.chunks, { ...DEFAULT_XML_LIMITS, ...options });
  try {
    const root = source.root();
    if (!kind.roots.includes(root.key))
      return unreadable(`is <${root.key.slice(0, 80)}>; expected ${expectedRoots(kind)}`, root.position());
    const reading = new Reading();
    const node = new StreamedRoot(root, source);
    const value = kind.read(node, reading);
    // A reader may have stopped at a problem; the rest must be well-formed all the same.
    node.skipRest();
    for (const element of source.strayTexts)
      reading.warning(element, "has text between its elements, which was passed over");
    return reading.result(value);
  } catch (error) {
    if (error instanceof XmlProblem) return unreadable(error.message, error.position);
    throw error;
  }
}

function expectedRoots({ name, roots }: Pick<DocumentKind<unknown>, "name" | "roots">): string {
  return roots.length === 0
    ? `${name} as JSON`
    : `${name} in ${roots.map((root) => `<${root}>`).join(" or ")}`;
}

/** The outermost element, whose elements are parsed while they are read. */
class StreamedRoot implements DocumentNode {
  readonly key = "";
  readonly text = null;
  readonly isListed = false;
  readonly #root: XmlElement;
  readonly #members: Generator<DocumentNode>;

  constructor(root: XmlElement, source: XmlSource) {
    this.#root = root;
    this.#members = membersOf(root, source);
  }

  members(): Generator<DocumentNode> {
    return this.#members;
  }

  skipRest(): void {
    while (this.#members.next().done !== true);
  }

  place(): string {
    return "";
  }

  position(): Position {
    return this.#root.position();
  }
}

function* membersOf(root: XmlElement, source: XmlSource): Generator<DocumentNode> {
  yield* root.attributes;
  yield* source.children();
}

/** The document with its declaration. Throws RangeError for a character that XML cannot hold, which no reader lets through. */
export function writeXml<Value>(kind: WrittenKind<Value>, value: Value): string {
  const [root] = kind.roots;
  if (root === undefined) throw new TypeError(`${kind.name} has no form in XML`);
  return xmlText(root, kind.write(value, "xml"));
}
