import { expect, test } from "bun:test";
import { runStep, testStep } from "../test_exchange.ts";
import { redirectSchemePart } from "./schema.ts";

test.each([
  [{}, "GET", 302],
  [{ permanent: true }, "GET", 301],
  [{}, "POST", 307],
  [{ permanent: true }, "POST", 308],
  [{}, "HEAD", 307],
])("H-I20/step %p answers %s with %p", (options, method, status) => {
  const run = runStep(testStep(redirectSchemePart, options), { method, target: "/a?b=c" });
  expect(run.result).toBe(1);
  expect(run.status).toBe(status);
  expect(run.answerField("Location")).toBe("https://a.example/a?b=c");
  expect(run.answerField("Date")).not.toBeNull();
});

test.each([
  [{ port: 8443 }, "a.example:8080", "https://a.example:8443/"],
  [{ port: 443 }, "a.example:8080", "https://a.example/"],
  [{ scheme: "https", port: 80 }, "a.example", "https://a.example:80/"],
  [{}, "[2001:db8::1]:8080", "https://[2001:db8::1]/"],
  [{}, "[2001:db8::1]", "https://[2001:db8::1]/"],
  [{}, "A.Example.", "https://A.Example./"],
])("%p for host %p leads to %p", (options, host, location) => {
  const run = runStep(testStep(redirectSchemePart, options), { fields: [`Host: ${host}`] });
  expect(run.answerField("Location")).toBe(location);
});

test("a request that came by the scheme goes on, whatever its port", () => {
  const step = testStep(redirectSchemePart, { port: 8443 });
  expect(runStep(step, { secure: true }).result).toBe(0);
  expect(runStep(testStep(redirectSchemePart, { scheme: "http" })).result).toBe(0);
  expect(runStep(testStep(redirectSchemePart, { scheme: "http" }), { secure: true }).status).toBe(302);
});

test("H-I20/step the location's host is the request's and nothing that looks like one elsewhere", () => {
  const step = testStep(redirectSchemePart, {});
  const location = (target: string, ...fields: string[]) =>
    runStep(step, { target, fields: ["Host: a.example", ...fields] }).answerField("Location");
  expect(location("//evil.example/x")).toBe("https://a.example//evil.example/x");
  expect(location("/x", "X-Forwarded-Host: evil.example")).toBe("https://a.example/x");
  expect(location("/@evil.example/%0d%0aX:y")).toBe("https://a.example/@evil.example/%0d%0aX:y");
  expect(runStep(step, { fields: ["Host:"] }).status).toBe(400);
});
