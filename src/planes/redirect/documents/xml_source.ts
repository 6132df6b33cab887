/**
 * XML as it arrives: the outermost element first, then what stands in it, one element at a time, so that a long document is never
 * held as a whole. No DTD, no entities but those of XML itself, and a limit on everything that can grow.
 */
import { type SaxesAttributePlain, SaxesParser } from "saxes";
import { formatSize } from "../../../core/schema/size.ts";
import type { Position } from "../../../core/redirect/documents/node.ts";
import { XmlElement } from "./xml_element.ts";

export interface XmlLimits {
  /** Elements within each other. */
  readonly depth: number;
  /** Elements that are held at once: those of one rule, or of one distribution. */
  readonly elements: number;
  /** Of one element. */
  readonly attributes: number;
  /** Characters of a text, a comment, a tag or anything else in one piece. */
  readonly text: number;
}

export const DEFAULT_XML_LIMITS: XmlLimits = {
  depth: 80,
  elements: 500_000,
  attributes: 64,
  text: 1_048_576,
};

/** Bytes that the parser is given at once. */
const SLICE_BYTES = 65_536;
const ENCODINGS = /^(?:utf-?8|us-ascii|ascii)$/i;

/** The document is refused; what was read of it does not count. */
export class XmlProblem extends Error {
  override readonly name = "XmlProblem";
  readonly position: Position | null;

  constructor(message: string, position: Position | null = null) {
    super(message);
    this.position = position;
  }
}

export class XmlSource {
  readonly #limits: XmlLimits;
  readonly #slices: Iterator<Uint8Array>;
  readonly #parser = new SaxesParser({
    xmlns: false,
    position: true,
    defaultXMLVersion: "1.0",
    forceXMLVersion: true,
  });
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  /** What the parser has got last. */
  #slice = "";
  /** Characters that the parser has got, and how many when it last found something whole. */
  #given = 0;
  #found = 0;
  #isAtEnd = false;
  #root: XmlElement | null = null;
  #open: XmlElement | null = null;
  #depth = 0;
  #elements = 0;
  /** Of the element that is being opened. */
  #attributes = 0;
  /** The outermost element has all of its attributes. */
  #isRootOpen = false;
  #complete: XmlElement[] = [];
  /** Elements with text between the elements in them. */
  readonly strayTexts: XmlElement[] = [];

  constructor(chunks: Iterable<Uint8Array>, limits: XmlLimits) {
    this.#limits = limits;
    this.#slices = slicesOf(chunks);
    const parser = this.#parser;
    parser.on("error", (error) => this.#refuse(messageOfParser(error)));
    parser.on("doctype", () => this.#refuse("has a DOCTYPE; expected none, nor entities of its own"));
    parser.on("xmldecl", ({ encoding = "UTF-8" }) => {
      if (!ENCODINGS.test(encoding)) this.#refuse(`is declared as ${encoding}; expected UTF-8`);
    });
    parser.on("opentagstart", ({ name }) => this.#begin(name));
    parser.on("attribute", (attribute) => this.#attribute(attribute));
    parser.on("closetag", () => this.#end());
    for (const event of ["text", "cdata"] as const) parser.on(event, (text) => this.#text(text));
    for (const event of ["comment", "processinginstruction"] as const) parser.on(event, () => this.#mark());
    parser.on("opentag", () => this.#mark());
  }

  /** The outermost element with its attributes, without what stands in it. Throws XmlProblem. */
  root(): XmlElement {
    while (!this.#isRootOpen && this.#advance());
    if (this.#root === null) throw new XmlProblem("has no element");
    return this.#root;
  }

  /** The elements in the outermost one, each when it is whole. Throws XmlProblem. */
  *children(): Generator<XmlElement> {
    do {
      const complete = this.#complete;
      this.#complete = [];
      yield* complete;
    } while (this.#complete.length > 0 || this.#advance());
  }

  /** Gives the parser more. False at the end. Throws XmlProblem. */
  #advance(): boolean {
    if (this.#isAtEnd) return false;
    const { done, value } = this.#slices.next();
    if (done !== true) {
      this.#give(this.#decode(value, true));
      return true;
    }
    this.#isAtEnd = true;
    this.#give(this.#decode(new Uint8Array(0), false));
    this.#parser.close();
    return this.#complete.length > 0;
  }

  #give(text: string): void {
    this.#given += text.length;
    this.#slice = text;
    this.#parser.write(text);
    if (this.#given - this.#found > this.#limits.text + SLICE_BYTES) this.#refuseText();
  }

  #decode(bytes: Uint8Array, isMore: boolean): string {
    try {
      return this.#decoder.decode(bytes, { stream: isMore });
    } catch {
      throw new XmlProblem("is not UTF-8; expected text in UTF-8", this.#position());
    }
  }

  #mark(): void {
    this.#found = this.#given;
    this.#isRootOpen ||= this.#root !== null;
  }

  #begin(name: string): void {
    const { depth, elements } = this.#limits;
    if (++this.#depth > depth) this.#refuse(`has elements within each other; expected at most ${depth}`);
    if (++this.#elements > elements)
      this.#refuse(`has a part of more than ${elements} elements; expected fewer`);
    const { line, column } = this.#startOf(name);
    const element = new XmlElement(name, this.#open, line, column);
    this.#root ??= element;
    this.#open = element;
    this.#attributes = 0;
  }

  /** Where the element begins whose name the parser has just read, with one character behind it, which may end the line. */
  #startOf(name: string): Position {
    const { line, columnIndex, position } = this.#parser;
    if (columnIndex > 0) return { line, column: columnIndex - name.length - 1 };
    const start = this.#slice.lastIndexOf("<", position - this.#given + this.#slice.length);
    return { line: line - 1, column: Math.max(1, start - this.#slice.lastIndexOf("\n", start)) };
  }

  #attribute({ name, value }: SaxesAttributePlain): void {
    const { attributes, text } = this.#limits;
    if (++this.#attributes > attributes)
      this.#refuse(`has an element of more than ${attributes} attributes; expected fewer`);
    if (value.length > text) this.#refuseText();
    this.#open!.addAttribute(name, value);
  }

  #text(text: string): void {
    const open = this.#open;
    this.#mark();
    if (open === null) return;
    // What stands in the outermost element is no text of anything: only whether there is any is of interest.
    if (open === this.#root) {
      if (open.textLength === 0) open.addText(text.trim());
      return;
    }
    open.addText(text);
    if (open.textLength > this.#limits.text) this.#refuseText();
  }

  #end(): void {
    const element = this.#open!;
    const { parent } = element;
    this.#mark();
    this.#depth--;
    if (element.strayText !== "" && this.strayTexts.length < 100) this.strayTexts.push(element);
    this.#open = parent;
    if (parent === null) return;
    if (parent !== this.#root) return parent.addChild(element);
    this.#complete.push(element);
    this.#elements = 0;
  }

  #position(): Position {
    return { line: this.#parser.line, column: Math.max(1, this.#parser.columnIndex) };
  }

  #refuse(message: string): never {
    throw new XmlProblem(message, this.#position());
  }

  #refuseText(): never {
    return this.#refuse(
      `has a piece of text, or markup, of more than ${formatSize(this.#limits.text)}; expected less`,
    );
  }
}

function* slicesOf(chunks: Iterable<Uint8Array>): Generator<Uint8Array> {
  for (const chunk of chunks)
    for (let at = 0; at < chunk.length; at += SLICE_BYTES) yield chunk.subarray(at, at + SLICE_BYTES);
}

/** The parser writes the position before its message, and a dot behind it. */
function messageOfParser({ message }: Error): string {
  const bare = message.replace(/^\d+:\d+: /, "").replace(/\.$/, "");
  if (bare === "undefined entity")
    return "names an entity that XML does not have; expected &amp; &lt; &gt; &quot; &apos; or a number";
  return `is no well-formed XML: ${bare.slice(0, 200)}`;
}
