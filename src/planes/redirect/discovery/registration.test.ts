import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { DEFAULT_REDIRECT } from "../../../core/defaults.ts";
import {
  readRegistration,
  weightOf,
  writeRegistration,
  type ReadRegistration,
  type WeightOptions,
} from "./registration.ts";

const encoder = new TextEncoder();

function read(value: unknown, options: Partial<WeightOptions> = {}): ReadRegistration {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return readRegistration("/EU/z1/1.0/a1/h", encoder.encode(text), {
    ...DEFAULT_REDIRECT.discovery,
    ...options,
  });
}

/** The founding document's sample, as printed but for the kinds of its quotes. */
const SAMPLE = `{"name":"app1","id":" cldapp-p5-kn1jnv.example.app.com:0","address":"cldapp-p5-kn1jnv.example.app.com","port":0,"sslPort":null,"payload":{"@class":"com.org.example.cloud.MetaData","workerId":"73ffc9a8-c392-4252-bfb6-62b1f6c8515b","listenAddress":"cldapp-p5-kn1jnv.example.app.com","listenPort":0,"serviceName":"app1","parameters":{"ipv6Address":"cldapp-p5-kn1jnv.example.app.com","ipv4Address":"cldapp-p5-kn1jnv.example.app.com","weight":"10.0"}},"registrationTimeUTC":1496432312046,"serviceType":"DYNAMIC","uriSpec":null}`;

function withWeight(weight?: unknown): unknown {
  const parameters = { ipv4Address: "10.0.0.1", ...(weight === undefined ? {} : { weight }) };
  return { address: "h", payload: { parameters } };
}

describe("RD66 the weight", () => {
  test.each([
    ["10.0", 10, 0],
    ["2.5", 3, 1],
    ["", 5, 1],
    ["abc", 5, 1],
    ["500", 100, 0],
    ["0", 0, 0],
    ["-3", 0, 0],
    [undefined, 5, 0],
    [null, 5, 0],
    ["0.4", 0, 1],
    ["1e1", 10, 0],
    [" 7 ", 7, 0],
    ["Infinity", 100, 0],
    ["-Infinity", 0, 0],
    ["NaN", 5, 1],
    [12, 12, 0],
    [{}, 5, 1],
  ])("%p is %d, with %d warnings", (written, weight, count) => {
    const found = read(withWeight(written));
    if ("skipped" in found) throw new Error(found.skipped);
    expect([found.host.weight, found.warnings.length]).toEqual([weight, count]);
    for (const warning of found.warnings) expect(warning).toContain("has the weight");
  });

  test("own limits", () => {
    expect(weightOf("30", { ...DEFAULT_REDIRECT.discovery, max_weight: 20 }).weight).toBe(20);
    expect(weightOf("x", { ...DEFAULT_REDIRECT.discovery, default_weight: 9 }).weight).toBe(9);
  });
});

test("RD67 weights of registrations are not looked at where the options say so", () => {
  for (const written of ["10.0", "2.5", "", "abc", "500", "0", "-3", undefined]) {
    const found = read(withWeight(written), { weight_from_registration: false });
    expect(found).toMatchObject({ host: { weight: 5 }, warnings: [] });
  }
});

test("RD69 a class, members that nobody knows, and a port that is null", () => {
  const found = read({
    ...(withWeight("10.0") as object),
    payload: { "@class": "no.such.Type", parameters: { ipv4Address: "10.0.0.1", more: {} } },
    enabled: true,
    sslPort: null,
    unknown: [1],
  });
  expect(found).toEqual({
    host: { key: "/EU/z1/1.0/a1/h", ipv4: "10.0.0.1", ipv6: null, weight: 5 },
    warnings: [],
  });
  const disabled = read({ ...(withWeight("10.0") as object), enabled: false });
  expect(disabled).toMatchObject({ host: { weight: 0 }, warnings: ["is not enabled and gets no traffic"] });
});

test("RD70 a payload without parameters: the address, with the default weight", () => {
  const host = { key: "/EU/z1/1.0/a1/h", ipv4: "10.0.0.7", ipv6: null, weight: 5 };
  for (const payload of [undefined, null, {}, { parameters: null }, { parameters: {} }])
    expect(read({ address: "10.0.0.7", payload })).toEqual({ host, warnings: [] });
  expect(read({ address: "2001:db8::1" })).toMatchObject({ host: { ipv4: null, ipv6: "2001:db8::1" } });
});

test("an IPv4 address counts without an IPv6 one beside it", () => {
  const parameters = { ipv4Address: "10.0.0.1", ipv6Address: null };
  expect(read({ address: "h", payload: { parameters } })).toMatchObject({
    host: { ipv4: "10.0.0.1", ipv6: null },
  });
});

test.each([
  ["nothing", ""],
  ["no JSON", "{"],
  ["an array", "[]"],
  ["null", "null"],
  ["a text", '"h"'],
  ["no address", '{"id":"h:1","payload":{"parameters":{"ipv4Address":" "}}}'],
  ["an address that is no text", '{"address":7}'],
])("RD71 %s is passed over with a reason", (_name, text) => {
  const found = read(text);
  expect(found).toHaveProperty("skipped");
  expect("skipped" in found && found.skipped).toMatch(/^(?:is|has) no .*; expected /);
});

test("RD71 bytes that are no UTF-8 are passed over", () => {
  const found = readRegistration("k", Uint8Array.of(0x7b, 0xff, 0x7d), DEFAULT_REDIRECT.discovery);
  expect(found).toHaveProperty("skipped");
});

test("RD150 the founding document's sample: port 0 and a host name in both addresses", () => {
  const name = "cldapp-p5-kn1jnv.example.app.com";
  expect(read(SAMPLE)).toEqual({
    host: { key: "/EU/z1/1.0/a1/h", ipv4: name, ipv6: name, weight: 10 },
    warnings: [],
  });
});

test("RD151 the sample as printed is no JSON", () => {
  const printed = SAMPLE.replace('"name"', '"name”').replace('"id"', '"id”');
  expect(read(printed)).toEqual({
    skipped: "is no JSON in UTF-8; expected the registration of a host",
  });
});

test("nothing that a host writes throws", () => {
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
      expect(Object.keys(read(text))[0]).toMatch(/^(?:host|skipped)$/);
    }),
  );
});

test("a registration that is written reads the same, and looks as the original's", () => {
  const bytes = writeRegistration({
    application: "app1",
    address: "10.0.0.1",
    port: 8080,
    ipv4: "10.0.0.1",
    ipv6: "2001:db8::1",
    weight: 12,
    worker_id: "73ffc9a8-c392-4252-bfb6-62b1f6c8515b",
    registered_at_ms: 1_496_432_312_046,
  });
  expect(readRegistration("k", bytes, DEFAULT_REDIRECT.discovery)).toEqual({
    host: { key: "k", ipv4: "10.0.0.1", ipv6: "2001:db8::1", weight: 12 },
    warnings: [],
  });
  const written = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
  const sample = JSON.parse(SAMPLE) as Record<string, unknown>;
  expect(Object.keys(written)).toEqual(Object.keys(sample));
  expect(Object.keys(written["payload"] as object)).toEqual(Object.keys(sample["payload"] as object));
  expect(written["payload"]).toMatchObject({
    "@class": "com.comcast.tvx.cloud.MetaData",
    serviceName: "app1",
  });
  expect([written["id"], written["sslPort"], written["serviceType"]]).toEqual([
    "10.0.0.1:8080",
    null,
    "DYNAMIC",
  ]);
});
