import { expect, test } from "bun:test";
import { grantedBy, isLimitedInVain } from "./grant.ts";

test("roles and permissions come together, each once and in order", () => {
  expect(grantedBy({ roles: ["viewer", "approver"], permissions: ["write-rules", "read-*"] })).toEqual([
    "read-*",
    "redirector-accessApp-*",
    "write-changes",
    "write-rules",
  ]);
  expect(grantedBy({ roles: [], permissions: [] })).toEqual([]);
});

test("applications take the place of those that roles and permissions reach", () => {
  const permissions = ["redirector-accessApp-b", "RESTOnly-redirector-accessApp-*"];
  expect(grantedBy({ roles: ["viewer"], permissions, applications: ["a1", "a2"] })).toEqual([
    "read-*",
    "redirector-accessApp-a1",
    "redirector-accessApp-a2",
  ]);
});

test("who may do everything cannot be limited to applications", () => {
  const applications = ["a1"];
  expect(isLimitedInVain({ roles: ["admin"], permissions: [], applications })).toBe(true);
  expect(isLimitedInVain({ roles: [], permissions: ["*"], applications })).toBe(true);
  expect(isLimitedInVain({ roles: ["editor"], permissions: [], applications })).toBe(false);
  expect(isLimitedInVain({ roles: ["admin"], permissions: [] })).toBe(false);
});
