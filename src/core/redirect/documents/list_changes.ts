/** Changes of named lists that the original's service keeps after an import of what was edited offline: a map from lists to actions. */
import type { ChangeType } from "../changes/pending.ts";
import type { NamedList } from "../model.ts";
import { Fields, readMembers } from "./fields.ts";
import type { DocumentKind } from "./kind.ts";
import { readNamedList, writeNamedList } from "./named_lists.ts";
import type { DocumentNode } from "./node.ts";
import { quoted, type Reading } from "./reading.ts";
import { group, listed, text } from "./written.ts";

export interface ListAction {
  /** As it shall be; of a deletion what goes. */
  readonly list: NamedList;
  readonly action: ChangeType;
}

const ACTIONS: readonly ChangeType[] = ["ADD", "UPDATE", "DELETE"];

/** `{"namespaceChanges": {"entry": [{"key": {"name": "beta", …}, "value": "ADD"}]}}` */
export const listChangesDocument: DocumentKind<readonly ListAction[]> = {
  name: "changes of named lists",
  roots: ["namespaceChangeStatus"],
  read(node, reading) {
    const actions: ListAction[] = [];
    readMembers(node, reading, {
      namespaceChanges: (changes) =>
        readMembers(changes, reading, {
          entry(member) {
            const action = reading.part("change", () => readEntry(member, reading));
            if (action !== null) actions.push(action);
          },
        }),
    });
    return actions;
  },
  write: (actions, format) => [
    group(
      "namespaceChanges",
      actions.map(({ list, action }) =>
        listed("entry", [group("key", writeNamedList(list, format)), text("value", action)]),
      ),
    ),
  ],
};

function readEntry(node: DocumentNode, reading: Reading): ListAction | null {
  const fields = new Fields(node, reading);
  const key = fields.one("key");
  const written = fields.filled("value") ?? "";
  const action = ACTIONS.find((name) => name === written);
  fields.done();
  if (action === undefined)
    reading.problem(node, `has the action ${quoted(written)}; expected one of ${ACTIONS.join(", ")}`);
  if (key === null) reading.problem(node, "has no key; expected a list");
  const list = key === null ? null : readNamedList(key, reading, null);
  return list === null || action === undefined ? null : { list, action };
}
