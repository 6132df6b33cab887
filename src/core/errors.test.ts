import { expect, test } from "bun:test";
import { ERRORS, FairleadError, type ErrorCode } from "./errors.ts";
import { endpointText } from "./model.ts";

test("every error kind has a status a client may get, or 0 where no answer is possible", () => {
  for (const [code, kind] of Object.entries(ERRORS)) {
    expect(code).toMatch(/^FL_[A-Z_]+$/);
    expect(kind.status === 0 || (kind.status >= 400 && kind.status < 600)).toBe(true);
    expect(kind.text).not.toMatch(/\d+\.\d+\.\d+\.\d+/);
  }
});

test("an error says its code, its text and its detail", () => {
  const code: ErrorCode = "FL_CONNECT_REFUSED";
  expect(new FairleadError(code, "127.0.0.1:1").message).toBe(
    "FL_CONNECT_REFUSED: backend refused the connection (127.0.0.1:1)",
  );
});

test("endpoints are written the way users write them", () => {
  expect(endpointText({ kind: "tcp", host: "::1", port: 80 })).toBe("[::1]:80");
  expect(endpointText({ kind: "unix", path: "/run/a.sock" })).toBe("unix:/run/a.sock");
});
