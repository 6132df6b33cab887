import { expect, test } from "bun:test";
import { ManualClock } from "../../../../platform/clock.ts";
import { BoundedMap } from "./bounded_map.ts";
import { cookiesNamed } from "./cookies.ts";
import { Sessions } from "./sessions.ts";
import { cookiesOf } from "./test_oidc_provider.ts";

const nameOf = (number: number) => ({ name: `person ${number}`, roles: [] });

test("10,000 sessions are kept: the one that was not used for longest ends first", () => {
  const sessions = new Sessions(new ManualClock());
  const cookies = Array.from({ length: 10_000 }, (_, index) =>
    cookiesOf(sessions.start(nameOf(index), 60_000, true)),
  );
  expect(sessions.find(cookies[0]!)).toEqual(nameOf(0));
  sessions.start(nameOf(10_000), 60_000, true);
  expect([sessions.find(cookies[0]!), sessions.find(cookies[1]!)]).toEqual([nameOf(0), null]);
});

test("a session is found by its own cookie among others, and by nothing that looks like it", () => {
  const sessions = new Sessions(new ManualClock());
  const [pair = ""] = cookiesOf(sessions.start(nameOf(1), 60_000, false));
  const [name, id = ""] = pair.split("=");
  expect(name).toBe("fairlead_session");
  for (const fields of [[`a=b; ${pair};c=d`], ["x", pair], [`fairlead_session=no; ${pair}`]])
    expect(sessions.find(fields)).toEqual(nameOf(1));
  for (const fields of [
    [`fairlead_sessio=${id}`],
    [`xfairlead_session=${id}`],
    [`fairlead_session=${id}x`],
    [id],
  ])
    expect(sessions.find(fields)).toBeNull();
  sessions.clear();
  expect(sessions.find([pair])).toBeNull();
});

test("of many cookies with one name the first eight are looked at", () => {
  const field = Array.from({ length: 100 }, (_, index) => `a=${index}`).join(";");
  expect(cookiesNamed([field, field], "a")).toEqual(["0", "1", "2", "3", "4", "5", "6", "7"]);
});

test("a bounded map forgets what is over, and what was not used for longest", () => {
  const map = new BoundedMap<number>(2);
  map.set("a", 1, 10);
  map.set("b", 2, 20);
  expect(map.get("a", 9)).toBe(1);
  map.set("c", 3, 20);
  expect([map.get("a", 9), map.get("b", 9), map.get("c", 9)]).toEqual([1, null, 3]);
  expect([map.get("a", 10), map.size]).toEqual([null, 1]);
});
