import { expect, test } from "bun:test";
import { isSecureUrl } from "./secure_url.ts";

test("https anywhere, http to this machine alone, and never with a user", () => {
  for (const text of [
    "https://id.example",
    "https://id.example:8443/a?b=c",
    "http://127.0.0.1:1/",
    "http://[::1]/",
    "http://localhost:80",
  ])
    expect([text, isSecureUrl(text)]).toEqual([text, true]);
  for (const text of [
    "http://id.example",
    "http://127.0.0.1.example",
    "http://localhost.example",
    "https://a:b@id.example",
    "https://a@id.example",
    "ftp://127.0.0.1",
    "id.example",
    "",
    "http://[::2]/",
  ])
    expect([text, isSecureUrl(text)]).toEqual([text, false]);
});
