import { expect, test } from "bun:test";
import { DEFAULT_LIMITS } from "../core/defaults.ts";
import {
  ERROR_CODES,
  ERROR_INDEX,
  LIMIT_INDEX,
  LIMIT_NAMES,
  methodIndex,
  METHODS,
  RETRY_REASONS,
  retryReasonIndex,
  STATUS_CLASSES,
  statusClass,
} from "./label_values.ts";

const indexOf = (method: string): number => {
  const bytes = new TextEncoder().encode(`xx${method} /`);
  return methodIndex(bytes, 2, 2 + method.length);
};

test("every known method has its own index, wherever it stands", () => {
  for (const [index, method] of METHODS.entries()) expect(indexOf(method)).toBe(index);
});

test.each(["get", "GETS", "GE", "", "PURGE", "PROPFIND", "OTHER", "X".repeat(5_000), "POSU", "\xff\xff\xff"])(
  "the method %p counts as OTHER",
  (method) => {
    expect(METHODS[indexOf(method)]).toBe("OTHER");
  },
);

test("a status belongs to its hundreds, what is no status to none", () => {
  const cases = [
    [0, "none"],
    [99, "none"],
    [100, "1xx"],
    [101, "1xx"],
    [200, "2xx"],
    [302, "3xx"],
    [404, "4xx"],
    [499, "4xx"],
    [599, "5xx"],
    [600, "none"],
    [NaN, "none"],
  ] as const;
  for (const [status, name] of cases) expect(STATUS_CLASSES[statusClass(status)]).toBe(name);
});

test("indexes are the positions in their lists", () => {
  for (const [index, code] of ERROR_CODES.entries()) expect(ERROR_INDEX[code]).toBe(index);
  for (const [index, limit] of LIMIT_NAMES.entries()) expect(LIMIT_INDEX[limit]).toBe(index);
  expect(new Set(LIMIT_NAMES).size).toBe(LIMIT_NAMES.length);
  for (const limit of Object.keys(DEFAULT_LIMITS)) expect(LIMIT_NAMES as readonly string[]).toContain(limit);
});

test("a retry counts under its reason, an unlikely one under other", () => {
  expect(RETRY_REASONS[retryReasonIndex("FL_CONNECT_REFUSED")]).toBe("FL_CONNECT_REFUSED");
  expect(RETRY_REASONS[retryReasonIndex("status")]).toBe("status");
  expect(RETRY_REASONS[retryReasonIndex("FL_BAD_HEADER")]).toBe("other");
});
