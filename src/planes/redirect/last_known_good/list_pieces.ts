/** Named lists as files, in pieces: a million values as one document would hold the event loop for a second. */
import {
  gatewayListsDocument,
  namedListDocument,
  namedListsDocument,
} from "../../../core/redirect/documents/named_lists.ts";
import { writeJson } from "../../../core/redirect/documents/kind.ts";
import type { ListValue, NamedList } from "../../../core/redirect/model.ts";
import type { ListSource } from "../../../core/redirect/named_lists.ts";

/** Lists that are told one after the other, as often as that is asked for. */
export interface KnownLists {
  readonly version: number;
  readonly lists: Iterable<ListSource>;
}

/** Values of a piece: some 0.5 ms of work. */
const PIECE_VALUES = 1_000;

/** `namespacedlists.json`: what clients send. */
export function* gatewayListPieces({ version, lists }: KnownLists): Generator<string> {
  const frame = JSON.stringify(writeJson(gatewayListsDocument, { version, lists: [] }));
  yield* framed(frame, "{}", lists, function* ({ name, values }) {
    yield `${JSON.stringify(name)}:[`;
    yield* joined(values, ({ value, encoded }) => JSON.stringify(encoded ?? value));
    yield "]";
  });
}

/** `namespacedlists-backup.json`: lists with everything that is known of them. */
export function* fullListPieces({ version, lists }: KnownLists): Generator<string> {
  const frame = JSON.stringify(writeJson(namedListsDocument, { version, lists: [] }));
  yield* framed(frame, "[]", lists, function* ({ values, ...head }) {
    const list = written({ ...head, values: [] });
    const [before, behind] = halves(list, "[]");
    yield `${before}[`;
    yield* joined(values, (value) => valueText(value));
    yield `]${behind}`;
  });
}

const written = (list: NamedList): string => JSON.stringify(writeJson(namedListDocument(), list));

/** As it stands in a list of one value. */
function valueText(value: ListValue): string {
  const { encoded } = value;
  return JSON.stringify(
    encoded === null ? { value: value.value } : { value: value.value, encodedValue: encoded },
  );
}

/** `frame` is a document whose last empty array or object, `hole`, takes what `of` gives for each list. */
function* framed(
  frame: string,
  hole: "[]" | "{}",
  lists: Iterable<ListSource>,
  of: (list: ListSource) => Generator<string>,
): Generator<string> {
  const [before, behind] = halves(frame, hole);
  yield before + hole[0];
  let separator = "";
  for (const list of lists) {
    yield separator;
    yield* of(list);
    separator = ",";
  }
  yield `${hole[1]}${behind}\n`;
}

function halves(text: string, hole: string): [string, string] {
  const at = text.lastIndexOf(hole);
  return [text.slice(0, at), text.slice(at + hole.length)];
}

function* joined(values: Iterable<ListValue>, textOf: (value: ListValue) => string): Generator<string> {
  let texts: string[] = [];
  let separator = "";
  for (const value of values) {
    texts.push(textOf(value));
    if (texts.length < PIECE_VALUES) continue;
    yield separator + texts.join(",");
    separator = ",";
    texts = [];
  }
  if (texts.length > 0) yield separator + texts.join(",");
}
