/** Named lists: one by itself, all of them as the service gives them, and as the gateway keeps them. */
import type { ListType, ListValue, NamedList } from "../model.ts";
import { Fields, readMembers, textOf, trimmed, valueOf } from "./fields.ts";
import type { DocumentKind } from "./kind.ts";
import { JsonNode, type DocumentNode } from "./node.ts";
import { quoted, type Reading } from "./reading.ts";
import {
  attribute,
  group,
  listedTexts,
  listOf,
  optionalText,
  text,
  type DocumentFormat,
  type Written,
} from "./written.ts";

const TYPES: readonly ListType[] = ["TEXT", "IP", "ENCODED"];

/** Null where it has a problem. `name` is used where the document has none. */
export function readNamedList(node: DocumentNode, reading: Reading, name: string | null): NamedList | null {
  const read = new ListReader(reading);
  return reading.part(name === null ? null : `list ${name}`, () => {
    readMembers(node, reading, read.readers);
    const own = read.name || name;
    if (own === null) reading.problem(node, "has no name; expected the name of the list");
    const { description, type, version, values } = read;
    return { name: own ?? "", description, type, version, values: [...values.values()] };
  });
}

class ListReader {
  readonly #reading: Reading;
  name = "";
  description: string | null = null;
  type: ListType = "TEXT";
  version = 0;
  /** By value: a list is a set. */
  readonly values = new Map<string, ListValue>();

  constructor(reading: Reading) {
    this.#reading = reading;
  }

  readonly readers: Readonly<Record<string, (member: DocumentNode) => void>> = {
    name: (node) => (this.name = this.#text(node)),
    description: (node) => (this.description = this.#text(node) || null),
    type: (node) => (this.type = this.#type(node)),
    version: (node) => (this.version = this.#whole(node)),
    // The form of the store: plain values, also in an ENCODED list.
    value: (node) => this.#add(node, valueOf(node, this.#reading), null),
    valueSet: (node) => this.#value(node),
    valueCount: () => {},
    valuesEncodingType: () => {},
  };

  #value(node: DocumentNode): void {
    if (node.text !== null) return this.#add(node, textOf(node, this.#reading), null);
    const fields = new Fields(node, this.#reading);
    const value = fields.text("value");
    const encoded = fields.filled("encodedValue");
    fields.done();
    if (value === null) this.#reading.problem(node, "has no value; expected a text");
    else this.#add(node, value, encoded);
  }

  #add(node: DocumentNode, text: string, encoded: string | null): void {
    const value = trimmed(text);
    if (value === "")
      this.#reading.warning(node, "is blank and was passed over", "NamespacedListContainsEmptyValue");
    else if (encoded !== null || !this.values.has(value)) this.values.set(value, { value, encoded });
  }

  #text(node: DocumentNode): string {
    return trimmed(textOf(node, this.#reading));
  }

  #type(node: DocumentNode): ListType {
    const written = this.#text(node);
    const type = TYPES.find((name) => name === written.toUpperCase());
    if (type === undefined && written !== "")
      this.#reading.problem(node, `${quoted(written)}: expected one of ${TYPES.join(", ")}`);
    return type ?? "TEXT";
  }

  #whole(node: DocumentNode): number {
    const written = this.#text(node);
    const number = Number(written);
    if (written !== "" && Number.isSafeInteger(number) && number >= 0) return number;
    this.#reading.problem(node, `${quoted(written)}: expected a whole number of at least 0`);
    return 0;
  }
}

/** The service writes each value with what clients send instead; the store has plain values only. */
export function writeNamedList(
  { name, description, type, version, values }: NamedList,
  format: DocumentFormat,
): Written[] {
  const plain = values.map(({ value }) => value);
  return [
    attribute("version", version),
    attribute("name", name),
    ...optionalText("description", description),
    text("type", type),
    ...(format === "xml" ? listedTexts("value", plain) : listOf("valueSet", values.map(writeValue))),
  ];
}

function writeValue({ value, encoded }: ListValue): Written[] {
  return [text("value", value), ...optionalText("encodedValue", encoded)];
}

/** One list by itself. `name` is its name where the document has none. */
export function namedListDocument(name: string | null = null): DocumentKind<NamedList> {
  return {
    name: "a named list",
    roots: ["namespaced_list"],
    read: (node, reading) => readNamedList(node, reading, name),
    write: writeNamedList,
  };
}

export interface NamedListSet {
  /** Version of the store's node; grows with each change of a list. */
  readonly version: number;
  readonly lists: readonly NamedList[];
}

/** `{"version": 0, "dataNodeVersion": 7, "namespace": […]}` */
export const namedListsDocument: DocumentKind<NamedListSet> = {
  name: "named lists",
  roots: ["namespaces"],
  read(node, reading) {
    const lists = new Map<string, NamedList>();
    let version = 0;
    readMembers(node, reading, {
      version: () => {},
      dataNodeVersion: (member) => (version = readVersion(member, reading)),
      namespace(member) {
        const list = readNamedList(member, reading, nameOf(member));
        if (list === null) return;
        if (lists.has(list.name))
          reading.problem(member, `has the name ${quoted(list.name)}, which another list has`);
        else lists.set(list.name, list);
      },
    });
    return { version, lists: [...lists.values()] };
  },
  write: ({ version, lists }, format) => [
    attribute("version", 0),
    attribute("dataNodeVersion", version),
    ...listOf(
      "namespace",
      lists.map((list) => writeNamedList(list, format)),
    ),
  ],
};

function nameOf(list: DocumentNode): string | null {
  for (const { key, text } of list.members()) if (key === "name") return text;
  return null;
}

/** A version as a member of a document; 0 with a problem for what is none. */
export function readVersion(node: DocumentNode, reading: Reading): number {
  const written = trimmed(textOf(node, reading));
  const version = Number(written);
  if (written !== "" && Number.isSafeInteger(version)) return version;
  reading.problem(node, `${quoted(written)}: expected a whole number`);
  return 0;
}

/** Fills in what clients send instead of the values of an ENCODED list, where it is missing. `md5` gives hexadecimal digits. */
export function withEncodedValues(list: NamedList, md5: (text: string) => string): NamedList {
  if (list.type !== "ENCODED") return list;
  const values = list.values.map(({ value, encoded }) => ({
    value,
    encoded: encoded ?? md5(value).toUpperCase(),
  }));
  return { ...list, values };
}

/** Lists as the gateway keeps them: what clients send, by name. */
export interface GatewayLists {
  readonly version: number;
  readonly lists: readonly { readonly name: string; readonly texts: readonly string[] }[];
}

/** `namespacedlists.json`: `{"dataNodeVersion": 7, "namespacedLists": {"beta": ["account-1"]}}` */
export const gatewayListsDocument: DocumentKind<GatewayLists> = {
  name: "the gateway's named lists",
  roots: [],
  read(node, reading) {
    let version = 0;
    const lists = new Map<string, string[]>();
    readMembers(node, reading, {
      dataNodeVersion: (member) => (version = readVersion(member, reading)),
      namespacedLists(member) {
        if (member instanceof JsonNode) for (const name of member.keys()) lists.set(name, []);
        for (const item of member.members()) {
          const value = reading.part(`list ${item.key}`, () => valueOf(item, reading));
          if (value !== null) lists.get(item.key)?.push(value);
        }
      },
    });
    return { version, lists: [...lists].map(([name, texts]) => ({ name, texts })) };
  },
  write: ({ version, lists }) => [
    attribute("dataNodeVersion", version),
    group(
      "namespacedLists",
      lists.flatMap(({ name, texts }) => listedTexts(name, texts)),
    ),
  ],
};

/** What the gateway keeps of lists: of an ENCODED one, what clients send. */
export function gatewayListsOf({ version, lists }: NamedListSet): GatewayLists {
  return {
    version,
    lists: lists.map(({ name, values }) => ({
      name,
      texts: values.map(({ value, encoded }) => encoded ?? value),
    })),
  };
}
