/** The whitelist of an application and the history of its changes. */
import { Fields, readMembers, textOf, trimmed } from "./fields.ts";
import type { DocumentKind } from "./kind.ts";
import type { DocumentNode } from "./node.ts";
import { quoted, type Reading } from "./reading.ts";
import { group, listed, listedTexts, text, type Written } from "./written.ts";

const STACK = /^\/[A-Za-z0-9._-]+\/[A-Za-z0-9._-]+$/;

/** `{"paths": ["/EU/a"]}`. What is no path of a stack is left out. */
export const whitelistDocument: DocumentKind<readonly string[]> = {
  name: "a whitelist",
  roots: ["whitelisted"],
  read(node, reading) {
    const paths = new Set<string>();
    readMembers(node, reading, {
      paths(member) {
        const path = reading.part(null, () => trimmed(textOf(member, reading)));
        if (path === null) return;
        if (STACK.test(path)) paths.add(path);
        else reading.problem(member, `${quoted(path)}: expected the path of a stack, such as /EU/z1`);
      },
    });
    return [...paths];
  },
  write: (paths) => listedTexts("paths", paths),
};

/** The same as somebody saves it: with everything that it says, as the checks name what is wrong. */
export const savedWhitelistDocument: DocumentKind<readonly string[]> = {
  ...whitelistDocument,
  read(node, reading) {
    const paths: string[] = [];
    readMembers(node, reading, { paths: (member) => paths.push(trimmed(textOf(member, reading))) });
    return paths;
  },
};

export const WHITELIST_ACTIONS = ["ADD", "UPDATE", "DELETE"] as const;

export interface WhitelistUpdate {
  /** Of a stack, or of a stack and flavor. */
  readonly path: string;
  /** Milliseconds since 1970. */
  readonly updated: number;
  readonly action: (typeof WHITELIST_ACTIONS)[number];
}

/** A map from paths to updates; its wrappers have other names in other writers of the original. */
export const whitelistUpdatesDocument: DocumentKind<readonly WhitelistUpdate[]> = {
  name: "updates of a whitelist",
  roots: ["whitelistedUpdates"],
  read(node, reading) {
    const updates: WhitelistUpdate[] = [];
    readUpdates(node, reading, updates);
    return updates;
  },
  write: (updates) => [group("paths", updates.map(writeEntry))],
};

/** `deep` counts the wrappers: a document has two at most. */
function readUpdates(node: DocumentNode, reading: Reading, updates: WhitelistUpdate[], deep = 0): void {
  const wrapper = (member: DocumentNode): void => {
    if (deep < 2) readUpdates(member, reading, updates, deep + 1);
    else reading.problem(member, "is nested too deep; expected entries");
  };
  readMembers(node, reading, {
    paths: wrapper,
    whitelistedUpdates: wrapper,
    entry(member) {
      const update = reading.part("update", () => readEntry(member, reading));
      if (update !== null) updates.push(update);
    },
  });
}

function readEntry(node: DocumentNode, reading: Reading): WhitelistUpdate | null {
  const entry = new Fields(node, reading);
  const key = entry.text("key");
  const value = entry.one("value");
  entry.done();
  if (value === null) {
    reading.problem(node, "has no value; expected an update");
    return null;
  }
  const fields = new Fields(value, reading);
  const path = fields.filled("path") ?? key;
  if (path === null || path === "") reading.problem(value, "has no path; expected that of a stack");
  const updated = fields.whole("updated", 0);
  const written = fields.filled("action") ?? "";
  const action = WHITELIST_ACTIONS.find((name) => name === written);
  if (action === undefined)
    reading.problem(
      value,
      `has the action ${quoted(written)}; expected one of ${WHITELIST_ACTIONS.join(", ")}`,
    );
  fields.done();
  return { path: path ?? "", updated, action: action ?? "UPDATE" };
}

function writeEntry({ path, updated, action }: WhitelistUpdate): Written {
  const value = group("value", [text("path", path), text("updated", updated), text("action", action)]);
  return listed("entry", [text("key", path), value]);
}
