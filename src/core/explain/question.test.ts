import { expect, test } from "bun:test";
import { parseAskedUrl, parseQuestion, requestHead, serverNameOf, shown } from "./question.ts";

test("a URL is taken apart and nothing of it made normal", () => {
  expect(parseAskedUrl("HTTPS://A.example.:8443/%7Ea//../b?x=%zz")).toEqual({
    secure: true,
    authority: "A.example.:8443",
    host: "a.example",
    port: 8443,
    namesPort: true,
    target: "/%7Ea//../b?x=%zz",
    fragment: false,
  });
  expect(parseAskedUrl("http://[::1]?q#top")).toMatchObject({
    authority: "[::1]",
    host: "::1",
    port: 80,
    namesPort: false,
    target: "/?q",
    fragment: true,
  });
  expect(parseAskedUrl("http://[::1]:81")).toMatchObject({ host: "::1", port: 81, target: "/" });
  expect(parseAskedUrl("http://a*")).toMatchObject({ authority: "a", target: "*" });
});

test.each([
  ["ftp://a/", 'url "ftp://a/": expected http://host/path or https://host/path'],
  ["a.example/x", 'url "a.example/x": expected http://host/path or https://host/path'],
  ["http:///x", 'url "http:///x": names no host'],
  ["http://a:70000/", 'url "http://a:70000/": port 70000 is above 65535'],
  ["http://u:p@a/", "url: holds a user; give the field that a client sends: -H 'Authorization: …'"],
])("%s is refused in one sentence", (url, message) => {
  expect(() => parseAskedUrl(url)).toThrow(message);
});

test("a question that is malformed is refused with what is wrong and where", () => {
  const refused = (question: unknown): string => {
    try {
      parseQuestion(question);
      return "";
    } catch (error) {
      return (error as Error).message;
    }
  };
  expect(refused({ url: "http://a/\r\nX: y" })).toBe("url: has a line break");
  expect(refused({ url: "http://a/", method: "" })).toBe("method: is empty");
  expect(refused({ url: "http://a/", headers: ["A: b", "C: d\nE: f"] })).toBe("header 2: has a line break");
  expect(refused({ url: "http://a/", headers: ["A"] })).toBe(
    'header 1: has no colon, expected "Name: value"',
  );
  expect(refused({ url: "http://a/", from: "1.2.3" })).toBe("from: is no IP address");
  expect(refused({ url: `http://a/${"x".repeat(40_000)}` })).toBe("url: has more than 32768 characters");
  expect(refused({ url: "http://a/", headers: Array.from({ length: 1_001 }, () => "A: b") })).toBe(
    "headers: has more than 1000 lines",
  );
  expect(refused({ url: "http://a/", speed: 3 })).toContain('Unrecognized key: "speed"');
  expect(refused({})).toContain("url: ");
});

test("the head is what a client would send, with the Host of the URL unless another one is given", () => {
  const url = parseAskedUrl("https://A.example:81/x");
  const question = parseQuestion({ url: "https://A.example:81/x", headers: ["A:b"] });
  expect(requestHead(question, url)).toBe("GET /x HTTP/1.1\r\nHost: A.example:81\r\nA:b\r\n\r\n");
  expect(requestHead({ ...question, headers: ["hOST: b"] }, url)).toBe("GET /x HTTP/1.1\r\nhOST: b\r\n\r\n");
});

test("a client asks for a name and not for an address", () => {
  expect(serverNameOf(parseAskedUrl("https://A.example./"))).toBe("a.example");
  expect(serverNameOf(parseAskedUrl("https://[::1]/"))).toBe("");
  expect(serverNameOf(parseAskedUrl("https://192.0.2.1/"))).toBe("");
});

test("what is shown of a text is short and without control characters", () => {
  expect(shown("a\x1b[31m\x9b")).toBe('"a\\u001b[31m\\u009b"');
  expect(shown("x".repeat(100))).toBe(`"${"x".repeat(80)}…"`);
});
