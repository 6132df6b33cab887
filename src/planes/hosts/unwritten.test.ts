/** Which switches hooks are told of, and when. */
import { expect, test } from "bun:test";
import { UnwrittenSwitches } from "./unwritten.ts";

const change = (from: string, to: string, name = "db.test") => ({
  name,
  pool: "web",
  from,
  to,
  reason: `to ${to}`,
});

test("HF34 what comes while a write is under way goes with the next one", () => {
  const unwritten = new UnwrittenSwitches();
  unwritten.add(change("", "10.0.0.1"));
  const first = unwritten.take();
  unwritten.add(change("10.0.0.1", "10.0.0.2"));
  expect(first).toEqual([change("", "10.0.0.1")]);
  expect(unwritten.take()).toEqual([change("10.0.0.1", "10.0.0.2")]);
});

test("HF34 after a write that failed each name has one switch, from what stands in the file", () => {
  const unwritten = new UnwrittenSwitches();
  unwritten.add(change("10.0.0.1", "10.0.0.2"));
  unwritten.add(change("10.0.0.7", "10.0.0.8", "other.test"));
  const first = unwritten.take();
  unwritten.add(change("10.0.0.2", "10.0.0.3"));
  unwritten.add(change("10.0.0.8", "10.0.0.7", "other.test"));
  unwritten.giveBack(first);
  expect(unwritten.take()).toEqual([change("10.0.0.1", "10.0.0.3")]);
});
