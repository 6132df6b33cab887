import { expect, test } from "bun:test";
import { type Access, permissionProblem, Permissions, type Role, ROLES } from "./permissions.ts";

const access = (mode: Access["mode"], endpoint: string, more: Partial<Access> = {}): Access => ({
  mode,
  endpoint,
  entity: null,
  app: null,
  ...more,
});
const may = (permissions: readonly string[], wanted: Access): boolean =>
  new Permissions(permissions).allows(wanted);

test("RD124 reading is not writing, and permitAll is everything", () => {
  expect(may(["read-rules"], access("write", "rules"))).toBe(false);
  expect(may(["read-rules"], access("read", "rules"))).toBe(true);
  expect(may(["RESTOnly-write-rules"], access("write", "rules"))).toBe(true);
  expect(may(["write-*"], access("write", "urlRules"))).toBe(true);
  for (const all of ["permitAll", "*"])
    expect(may([all, "deny-write-rules-x"], access("write", "rules", { app: "a" }))).toBe(true);
  expect(may([], access("read", "rules"))).toBe(false);
});

test("RD125 what is said of a list beats what is said of all, and a denial beats an allowance", () => {
  const list = (entity: string) => access("write", "namespacedLists", { entity });
  const denied = ["write-namespacedLists", "deny-write-namespacedLists-x"];
  expect([may(denied, list("x")), may(denied, list("y"))]).toEqual([false, true]);
  expect(may([...denied, "allow-write-namespacedLists-x"], list("x"))).toBe(false);
  const allowed = ["allow-write-namespacedLists-x"];
  expect([may(allowed, list("x")), may(allowed, list("y"))]).toEqual([true, false]);
  expect(may(allowed, access("read", "namespacedLists", { entity: "x" }))).toBe(false);
  expect(may(["write-namespacedLists", "deny-write-namespacedLists-*"], list("z"))).toBe(false);
});

test("RD126 an application needs a permission of its own", () => {
  const permissions = ["read-rules", "redirector-accessApp-a1"];
  expect(may(permissions, access("read", "rules", { app: "a1" }))).toBe(true);
  expect(may(permissions, access("read", "rules", { app: "a2" }))).toBe(false);
  expect(may(["read-rules", "redirector-accessApp-*"], access("read", "rules", { app: "a2" }))).toBe(true);
});

test("RD164 roles: who edits does not approve", () => {
  const matrix = (["viewer", "editor", "approver", "admin"] as Role[]).map((role) =>
    [
      access("read", "rules"),
      access("write", "rules"),
      access("write", "changes"),
      access("write", "settings"),
    ].map((wanted) => may(ROLES[role], { ...wanted, app: "a1" })),
  );
  expect(matrix).toEqual([
    [true, false, false, false],
    [true, true, false, false],
    [true, false, true, false],
    [true, true, true, true],
  ]);
  for (const role of Object.values(ROLES))
    for (const permission of role) expect(permissionProblem(permission)).toBeNull();
});

test("a permission that means nothing is refused", () => {
  for (const text of [
    "",
    "rules",
    "delete-rules",
    "read-",
    "allow-write-namespacedLists",
    "redirector-accessApp-",
  ])
    expect(permissionProblem(text)).toContain(JSON.stringify(text));
});
