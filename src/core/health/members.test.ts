import { expect, test } from "bun:test";
import { backendOf, planOf, poolOf } from "../test_plan.ts";
import { backendName, membersOf, membersOfPlan } from "./members.ts";

const backend = (id: string, url: string) => backendOf({ id, url });

test("a literal address and a unix socket are one member under the backend's id", () => {
  for (const [url, endpoint] of [
    ["http://192.0.2.1:80", { kind: "tcp", host: "192.0.2.1", port: 80 }],
    ["http://[2001:db8::1]:80", { kind: "tcp", host: "2001:db8::1", port: 80 }],
    ["http://[fe80::1%2]:80", { kind: "tcp", host: "fe80::1%2", port: 80 }],
    ["unix:/run/web.sock", { kind: "unix", path: "/run/web.sock" }],
  ] as const) {
    expect(backendName(backend("a", url))).toBeNull();
    expect(membersOf(backend("a", url), ["192.0.2.77"])).toEqual([{ key: "a", endpoint }]);
  }
});

test("a name has one member for each of its addresses, and none before it has been found", () => {
  const named = backend("a", "http://web.test:81");
  expect(backendName(named)).toBe("web.test");
  expect(membersOf(named, [])).toEqual([]);
  expect(membersOf(named, ["192.0.2.1", "2001:db8::1"])).toEqual([
    { key: "a@192.0.2.1", endpoint: { kind: "tcp", host: "192.0.2.1", port: 81 } },
    { key: "a@2001:db8::1", endpoint: { kind: "tcp", host: "2001:db8::1", port: 81 } },
  ]);
});

test("members of a plan come in its order, with their key in a map of health", () => {
  const plan = planOf([
    poolOf("web", [
      { id: "a", url: "http://192.0.2.1:80" },
      { id: "b", url: "http://web.test:80" },
    ]),
    poolOf("api", [{ id: "b", url: "http://web.test:80" }]),
  ]);
  const members = membersOfPlan(plan, { "web/b": ["192.0.2.2", "192.0.2.3"] });
  expect(members.map(({ id }) => id)).toEqual(["web/a", "web/b@192.0.2.2", "web/b@192.0.2.3"]);
  expect(members[1]).toMatchObject({ pool: { name: "web" }, backend: { id: "b" } });
});
