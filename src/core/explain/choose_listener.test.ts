import { expect, test } from "bun:test";
import { chooseListener, type OpenListener } from "./choose_listener.ts";
import { parseAskedUrl } from "./question.ts";

const at = (name: string, address: string, port: number, tls = false): OpenListener => ({
  name,
  address,
  port,
  tls,
});
const LISTENERS = [
  at("inner", "10.0.0.1", 80),
  at("outer", "192.0.2.1", 80),
  at("secure", "0.0.0.0", 8443, true),
  at("local", "unix:/run/x.sock", 0),
];

const choose = (url: string, named: string | null = null, listeners = LISTENERS) => {
  const { listener, why, others } = chooseListener(listeners, parseAskedUrl(url), named);
  return [listener.name, why, others.join()];
};

test("by scheme and port, and by the address where the URL names one; what else it might be is told", () => {
  expect(choose("http://a.example/")).toEqual(["inner", "takes http on port 80", "outer"]);
  expect(choose("http://192.0.2.1/")).toEqual(["outer", "takes http on port 80", ""]);
  expect(choose("https://a.example:8443/")).toEqual(["secure", "takes https on port 8443", ""]);
  expect(choose("https://a.example/")).toEqual(["secure", "takes https; none is on port 443", ""]);
  expect(choose("http://a.example/", "local")).toEqual(["local", "named", ""]);
});

test.each([
  ["http://a:8443/", null, "listener secure on port 8443 takes https alone, not http"],
  ["https://a:80/", null, "listener inner on port 80 takes http alone, not https"],
  ["https://a/", "inner", "listener inner takes http alone, not https"],
  [
    "http://a:81/",
    null,
    "no listener is on port 81; there are inner (http, port 80), outer (http, port 80), ",
  ],
  ["http://a/", "no\x1bne", 'no listener is named "no\\u001bne"; there are inner (http, port 80), '],
])("%s to %p is refused", (url, named, message) => {
  expect(() => choose(url, named)).toThrow(message);
});

test("a program with no listener of the scheme says so", () => {
  expect(() => choose("https://a/", null, [])).toThrow("no listener takes https; there are none");
});
