/** Checks of a named list before it is saved, and what becomes of values that stand in another one. */
import { isAddressRange } from "../address_set.ts";
import type { ListValue, NamedList } from "../model.ts";
import { listed, partOf, type Place, type Problem, problemAt, shown } from "./problem.ts";

const LIST_NAME = /^[A-Za-z0-9_-]+$/;

/** A list with a million bad lines is answered with so many messages, and one that counts the rest. */
export const MOST_LINES = 20;

/** A value that stands in other lists too. */
export interface Duplicate {
  readonly value: string;
  /** Place among the values of the saved list, from 0. */
  readonly at: number;
  readonly lists: readonly string[];
}

/** `lists` are all of them; the one with the name of the saved one is what it was. `savedAs` is the name in the request. */
export function listProblems(list: NamedList, lists: readonly NamedList[], savedAs = list.name): Problem[] {
  const place = placeOfList(list);
  return [
    ...nameProblems(list, savedAs, place),
    ...valueProblems(list, place),
    ...duplicateProblems(list, duplicatesOf(list, lists), place),
  ];
}

export function placeOfList({ name }: NamedList): Place {
  return { path: `lists.${name}`, rule: null, words: name.trim() === "" ? "a list" : `list ${name}` };
}

function nameProblems({ name }: NamedList, savedAs: string, place: Place): Problem[] {
  const at = partOf(place, ".name");
  const problems: Problem[] = [];
  if (name.trim() === "")
    problems.push(
      problemAt("NamespacedListNameIsMissed", at, "has no name; expected letters, digits, _ and -"),
    );
  else if (!LIST_NAME.test(name))
    problems.push(
      problemAt(
        "NamespacedListNameIsInvalid",
        at,
        "has a name that is not valid; expected letters, digits, _ and -",
      ),
    );
  if (savedAs !== name)
    problems.push(
      problemAt("NamespacedListsNamesMismatch", at, `is saved as ${shown(savedAs)}; expected the same name`),
    );
  return problems;
}

function valueProblems({ type, values }: NamedList, place: Place): Problem[] {
  const blank: number[] = [];
  const invalid: number[] = [];
  for (let at = 0; at < values.length; at++) {
    const { value } = values[at]!;
    if (value.trim() === "") blank.push(at);
    else if (type === "IP" && !isAddressRange(value)) invalid.push(at);
  }
  return [
    ...bounded(blank, place, (at, part) =>
      problemAt(
        "NamespacedListContainsEmptyValue",
        part,
        `has a blank value in line ${at + 1}; expected a text`,
      ),
    ),
    ...bounded(invalid, place, (at, part) =>
      problemAt(
        "NamespacedListValueIsInvalid",
        part,
        `has ${shownAddress(values[at]!)} in line ${at + 1}; ${ADDRESS}`,
      ),
    ),
  ];
}

const ADDRESS = "expected an address or a network such as 10.0.0.0/8";

/** A mapped network looks right at first sight: it needs its reason. */
function shownAddress({ value }: ListValue): string {
  const isMapped = /^\s*::ffff:\d+\.\d+\.\d+\.\d+\/\d+\s*$/i.test(value);
  return isMapped ? `${shown(value)} (an IPv4-mapped network has a prefix from 96 to 128)` : shown(value);
}

/** The first few as messages of their own, and the number of the others in the last one. */
function bounded(
  places: readonly number[],
  place: Place,
  make: (at: number, part: Place) => Problem,
): Problem[] {
  const problems = places.slice(0, MOST_LINES).map((at) => make(at, partOf(place, `.values[${at}]`)));
  const rest = places.length - problems.length;
  const last = problems.at(-1);
  if (rest > 0 && last !== undefined)
    problems.push({
      ...last,
      path: place.path,
      message: `${place.words} has ${rest} more lines of this kind`,
    });
  return problems;
}

/** The values of `list` that stand in other lists, in the order of the list. */
export function duplicatesOf(list: NamedList, lists: readonly NamedList[]): Duplicate[] {
  const places = new Map<string, number>();
  if (lists.every(({ name }) => name === list.name)) return [];
  for (let at = 0; at < list.values.length; at++) {
    const trimmed = list.values[at]!.value.trim();
    if (trimmed !== "" && !places.has(trimmed)) places.set(trimmed, at);
  }
  const found = new Map<number, { value: string; lists: string[] }>();
  for (const { name, values } of lists) {
    if (name === list.name) continue;
    for (const { value } of values) {
      const trimmed = value.trim();
      const at = places.get(trimmed);
      if (at === undefined) continue;
      const entry = found.get(at);
      if (entry === undefined) found.set(at, { value: trimmed, lists: [name] });
      else if (entry.lists.at(-1) !== name) entry.lists.push(name);
    }
  }
  return [...found].map(([at, entry]) => ({ at, ...entry })).toSorted((one, other) => one.at - other.at);
}

function duplicateProblems({ values }: NamedList, duplicates: readonly Duplicate[], place: Place): Problem[] {
  const byPlace = new Map(duplicates.map((duplicate) => [duplicate.at, duplicate]));
  return bounded([...byPlace.keys()], place, (at, part) => {
    const where = listed(byPlace.get(at)!.lists);
    const message = `has ${shown(values[at]!.value)} in line ${at + 1}, which stands in ${where}; expected it in one list`;
    return problemAt("NamespacedListsDuplicates", part, message);
  });
}

export interface ResolvedDuplicates {
  /** Which values leave which lists, by name of the list. */
  readonly leaves: ReadonlyMap<string, readonly string[]>;
  /** What cannot be resolved: then nothing must be moved. */
  readonly problems: readonly Problem[];
}

/**
 * `autoResolve`: the values of a TEXT list leave the other TEXT lists that hold them. Duplicates of other types stay problems, as
 * the same text means another thing there.
 */
export function resolveDuplicates(list: NamedList, lists: readonly NamedList[]): ResolvedDuplicates {
  const types = new Map(lists.map(({ name, type }) => [name, type]));
  const leaves = new Map<string, string[]>();
  const kept: Duplicate[] = [];
  for (const duplicate of duplicatesOf(list, lists)) {
    if (list.type !== "TEXT" || duplicate.lists.some((name) => types.get(name) !== "TEXT"))
      kept.push(duplicate);
    else
      for (const name of duplicate.lists) {
        const values = leaves.get(name);
        if (values === undefined) leaves.set(name, [duplicate.value]);
        else values.push(duplicate.value);
      }
  }
  return { leaves, problems: duplicateProblems(list, kept, placeOfList(list)) };
}
