import { expect, test } from "bun:test";
import { writeRegistration } from "../../planes/redirect/discovery/registration.ts";
import { registerChoice, type RegisterValues } from "./choice.ts";
import { parseCheckedUrl } from "./own_check.ts";

const VALUES: RegisterValues = {
  sqlite: "/x",
  app: "a1",
  stack: "/EU/z1",
  flavor: "1.0",
  address: "10.0.0.1:8080",
  json: false,
};

const choice = (more: Partial<RegisterValues> = {}) => registerChoice({ ...VALUES, ...more });

test("RD150 a host name in both addresses and port 0 register as in the founding document's sample", () => {
  const name = "app1.example.com";
  const { host, folder } = choice({ address: `${name}:0`, ipv4: name, ipv6: name });
  expect(folder).toBe("/EU/z1/1.0/a1");
  const bytes = writeRegistration({ ...host, worker_id: "w", registered_at_ms: 1 });
  expect(JSON.parse(new TextDecoder().decode(bytes))).toMatchObject({
    id: `${name}:0`,
    address: name,
    port: 0,
    payload: { parameters: { ipv4Address: name, ipv6Address: name } },
  });
});

test("the address stands for its family where none is given", () => {
  expect(choice().host).toMatchObject({ ipv4: "10.0.0.1", ipv6: null, weight: null });
  expect(choice({ address: "[2001:db8::1]:80" }).host).toMatchObject({
    address: "2001:db8::1",
    ipv4: null,
    ipv6: "2001:db8::1",
  });
  expect(choice({ address: "h:80", ipv6: "2001:db8::1" }).host).toMatchObject({
    ipv4: "h",
    ipv6: "2001:db8::1",
  });
  expect(() => choice({ ipv4: "2001:db8::1" })).toThrow(
    "--ipv4 2001:db8::1: expected an IPv4 address or a host name",
  );
});

test("what makes no sense is refused", () => {
  const cases: readonly (readonly [Partial<RegisterValues>, string])[] = [
    [{ app: ".." }, ". and .. are no names of nodes"],
    [{ app: "a/b" }, '--app "a/b": expected the name of an application'],
    [{ flavor: "1/0" }, '--flavor "1/0": expected a flavor such as 1.0'],
    [{ weight: "-1" }, "--weight -1: expected a whole number from 0 to 65535"],
    [{ class: "a b" }, '--class "a b": expected a class such as com.example.MetaData'],
    [{ config: "f", sqlite: undefined, "base-path": "/x" }, "--base-path: the configuration says it"],
    [{ check: "tcp://a:1", interval: "0s" }, "--interval 0s: expected a duration such as 2s"],
    [
      { check: "tcp://a:1", "healthy-after": "0" },
      "--healthy-after 0: expected a whole number from 1 to 1000",
    ],
  ];
  for (const [more, message] of cases) expect(() => choice(more)).toThrow(message);
});

test("what is checked", () => {
  expect(parseCheckedUrl("tcp://db:5432")).toMatchObject({ probe: "tcp", target: "" });
  expect(parseCheckedUrl("https://h/a?b=c")).toMatchObject({
    probe: "http",
    target: "/a?b=c",
    backend: { tls: true, endpoint: { host: "h", port: 443 } },
  });
  expect(parseCheckedUrl("http://[::1]:80")).toMatchObject({
    target: "/",
    backend: { endpoint: { host: "::1" } },
  });
  for (const text of ["tcp://h", "tcp://h:1/x", "http://u@h/", "h:80", "http://"])
    expect(parseCheckedUrl(text)).toHaveProperty("problem");
});
