import { expect, test } from "bun:test";
import { DEFAULT_STORE } from "./defaults.ts";
import { Watchers } from "./watchers.ts";

function log() {
  const told: string[] = [];
  return {
    told,
    changed: (paths: readonly string[]) => void told.push(paths.join(" ")),
    relist: () => void told.push("relist"),
  };
}

test("each listener hears of its part, each path once, and nothing after its end", () => {
  const watchers = new Watchers();
  const [all, part] = [log(), log()];
  watchers.add("/", all);
  const end = watchers.add("/a", part);
  for (const path of ["/a", "/ab", "/a/b", "/a/b"]) watchers.note(path);
  watchers.flush();
  watchers.flush();
  expect([all.told, part.told]).toEqual([["/a /ab /a/b"], ["/a /a/b"]]);
  expect([watchers.has("/a"), [...watchers.prefixes]]).toEqual([true, ["/", "/a"]]);
  end();
  watchers.note("/a");
  watchers.flush();
  expect([part.told.length, watchers.has("/a")]).toEqual([1, false]);
});

test("too many paths, or a relist, are told as relist alone", () => {
  const watchers = new Watchers();
  const [many, other] = [log(), log()];
  watchers.add("/", many);
  watchers.add("/x", other);
  for (let index = 0; index <= DEFAULT_STORE.max_changed_paths; index++) watchers.note(`/n${index}`);
  watchers.flush();
  watchers.note("/x");
  watchers.relist("/x");
  watchers.flush();
  expect(many.told).toEqual(["relist", "/x"]);
  expect(other.told).toEqual(["relist"]);
});
