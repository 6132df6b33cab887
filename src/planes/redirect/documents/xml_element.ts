/** Elements and attributes of an XML document as readers of documents see them. */
import type { DocumentNode, Position } from "../../../core/redirect/documents/node.ts";

export type XmlNode = XmlElement | XmlAttribute;

export class XmlElement implements DocumentNode {
  readonly key: string;
  readonly isListed = false;
  readonly #parent: XmlElement | null;
  /** Its place among the elements of its name beside it. */
  readonly #index: number;
  readonly #line: number;
  readonly #column: number;
  #attributes: XmlAttribute[] | null = null;
  #children: XmlElement[] | null = null;
  #text = "";
  #counts: Map<string, number> | null = null;

  constructor(name: string, parent: XmlElement | null, line: number, column: number) {
    this.key = name;
    this.#parent = parent;
    this.#index = parent?.countChild(name) ?? 0;
    this.#line = line;
    this.#column = column;
  }

  get parent(): XmlElement | null {
    return this.#parent;
  }

  get hasChildren(): boolean {
    return this.#counts !== null;
  }

  /** How many elements of this name it has had before. */
  countChild(name: string): number {
    this.#counts ??= new Map();
    const count = this.#counts.get(name) ?? 0;
    this.#counts.set(name, count + 1);
    return count;
  }

  addChild(child: XmlElement): void {
    this.#children ??= [];
    this.#children.push(child);
  }

  addAttribute(name: string, value: string): void {
    this.#attributes ??= [];
    this.#attributes.push(new XmlAttribute(name, value, this));
  }

  addText(text: string): void {
    this.#text += text;
  }

  /** Text between its elements, which nobody reads. */
  get strayText(): string {
    return this.hasChildren ? this.#text.trim() : "";
  }

  get textLength(): number {
    return this.#text.length;
  }

  get text(): string | null {
    return this.hasChildren ? null : this.#text;
  }

  get attributes(): readonly XmlAttribute[] {
    return this.#attributes ?? [];
  }

  *members(): Generator<XmlNode> {
    yield* this.attributes;
    yield* this.#children ?? [];
  }

  place(): string {
    if (this.#parent === null) return "";
    const before = this.#parent.place();
    const isLeaf = this.#attributes === null && !this.hasChildren;
    const name = this.key.slice(0, 80);
    const own = isLeaf && this.#index === 0 ? name : `${name}[${this.#index}]`;
    return before === "" ? own : `${before}.${own}`;
  }

  position(): Position {
    return { line: this.#line, column: this.#column };
  }
}

export class XmlAttribute implements DocumentNode {
  readonly key: string;
  readonly text: string;
  readonly isListed = false;
  readonly #element: XmlElement;

  constructor(name: string, value: string, element: XmlElement) {
    this.key = name;
    this.text = value;
    this.#element = element;
  }

  members(): readonly DocumentNode[] {
    return [];
  }

  place(): string {
    const before = this.#element.place();
    const name = this.key.slice(0, 80);
    return before === "" ? name : `${before}.${name}`;
  }

  /** That of its element. */
  position(): Position {
    return this.#element.position();
  }
}
