/**
 * What readers of documents see, whether the document is JSON or XML: named nodes with a text or with members. In JSON an array is
 * several members with one key, and a number or a boolean is its text, so `"port": 443`, `"port": "443"` and `<port>443</port>` are
 * the same.
 */

export interface DocumentNode {
  /** Name in the node that it stands in; "" for the whole document. */
  readonly key: string;
  /** Null where it has none: an object, or an element with others inside. */
  readonly text: string | null;
  /** True for an entry of a JSON array. */
  readonly isListed: boolean;
  /** In the document's order. May be read once: an XML document is parsed meanwhile. */
  members(): Iterable<DocumentNode>;
  /** The way to it from the document's top, such as `if[3].equals[0].caseSensitive`; "" for the top. */
  place(): string;
  /** Where it stands in the text, both from 1; null where that is not known. */
  position(): Position | null;
}

export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Others stand in quotes in places, and not as a whole. */
const PLAIN_KEY = /^[\w:-]{1,80}$/;

/** A value of JSON as it was parsed. Members are made when they are asked for. */
export class JsonNode implements DocumentNode {
  readonly key: string;
  readonly isListed: boolean;
  readonly #value: unknown;
  readonly #parent: JsonNode | null;
  readonly #index: number;

  /** The top of a document. */
  constructor(value: unknown, key = "", parent: JsonNode | null = null, index = -1) {
    this.#value = value;
    this.key = key;
    this.#parent = parent;
    this.#index = index;
    this.isListed = index >= 0;
  }

  get text(): string | null {
    const value = this.#value;
    if (typeof value === "string") return value;
    return typeof value === "number" || typeof value === "boolean" ? String(value) : null;
  }

  /** Names of its members, also of those that are empty arrays or null. */
  keys(): string[] {
    return isObject(this.#value) ? Object.keys(this.#value) : [];
  }

  *members(): Generator<JsonNode> {
    if (!isObject(this.#value)) return;
    for (const [key, value] of Object.entries(this.#value))
      if (Array.isArray(value)) {
        for (const [index, item] of value.entries())
          if (item != null) yield new JsonNode(item, key, this, index);
      } else if (value != null) yield new JsonNode(value, key, this);
  }

  place(): string {
    if (this.#parent === null) return "";
    const before = this.#parent.place();
    const key = PLAIN_KEY.test(this.key) ? this.key : JSON.stringify(this.key.slice(0, 80));
    const own = this.#index < 0 ? key : `${key}[${this.#index}]`;
    return before === "" ? own : `${before}.${own}`;
  }

  position(): null {
    return null;
  }
}

/** True for an object and for an array in an array, whose entries have numbers as keys that no reader knows. */
function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
