/** Whatever is sent to an endpoint, it is refused in words and never a defect. */
import { afterEach, expect, test } from "bun:test";
import { endpoints } from "./endpoints/all.ts";
import { ROOT, started, withModel } from "./test_app.ts";
import type { TestService } from "./test_service.ts";

const open: TestService[] = [];

afterEach(async () => {
  for (const service of open.splice(0)) await service.close();
});

const JSON_BODIES = [
  "",
  "null",
  "5",
  '"text"',
  "[]",
  "[null]",
  "[[]]",
  "{}",
  '{"paths":null}',
  '{"if":[null]}',
  "{",
  "\u0000",
];
const OTHERS = [
  ["application/xml", "<x/>"],
  ["application/xml", "<if"],
  ["text/plain", "a\n\nb"],
  ["image/png", "x"],
  ["application/json", Uint8Array.of(0xff, 0xfe)],
] as const;
const VALUES = ["1", "undefined", "%00", "a%2Fb", "..", "999999999999", "default", "rule"];

test("no endpoint breaks over a body that it does not expect", async () => {
  const service = started(open);
  await withModel(service);
  const bodies = [...JSON_BODIES.map((body) => ["application/json", body] as const), ...OTHERS];
  const broken: string[] = [];
  for (const { id, method, path } of endpoints.filter(({ takes }) => takes !== undefined)) {
    const target = path.replace(/\{app\}/g, "a1").replace(/\{[^}]+\}/g, "x");
    for (const [type, body] of bodies) {
      const { status, text } = await service.ask(ROOT, method, target, { type, body });
      if (status >= 500) broken.push(`${id} ${type} ${String(body)}: ${text}`);
    }
  }
  expect(broken).toEqual([]);
  expect(service.reports).toEqual([]);
});

test("an application whose name the store cannot hold is not found, wherever one asks for it", async () => {
  const service = started(open);
  const broken: string[] = [];
  const ofApps = endpoints.filter(({ path }) => path.includes("{app}"));
  for (const { id, method, path } of ofApps)
    for (const app of ["..", ".", "%2e%2E", "x".repeat(4_100)]) {
      const target = path.replace("{app}", app).replace(/\{[^}]+\}/g, "1");
      const { status, text } = await service.ask(ROOT, method, target);
      if (status !== 404) broken.push(`${id} ${app.slice(0, 10)}: ${status} ${text}`);
    }
  expect(ofApps.length).toBeGreaterThan(50);
  expect(broken).toEqual([]);
  expect(service.reports).toEqual([]);
});

test("a text that XML cannot hold is refused where it comes, and breaks no document that tells it", async () => {
  const service = started(open);
  await withModel(service);
  const lines = { type: "text/plain", body: "a\nb" };
  const list = "/namespacedLists/addNewNamespaced/l?live=true";
  expect((await service.ask(ROOT, "POST", list, lines)).status).toBe(201);
  const given = [
    await service.ask(ROOT, "POST", list, { ...lines, body: "a\u0001" }),
    await service.ask(ROOT, "POST", `${list}&description=%01`, lines),
    await service.ask(ROOT, "PUT", "/namespacedLists/l/addValues?live=true", { body: ["\ufffe"] }),
    await service.ask(ROOT, "POST", "/testSuite/a1/%01", { body: { testName: "t" } }),
    await service.ask(ROOT, "POST", "/stackComments/post/a1?path=/EU/z1", { body: { comment: "\u0001" } }),
  ];
  for (const { status, text } of given)
    expect([status, text.includes("XML cannot hold")]).toEqual([400, true]);
  for (const { id, path } of endpoints.filter(({ method }) => method === "GET")) {
    const target = path.replace(/\{app\}/g, "a1").replace(/\{[^}]+\}/g, "l");
    const { status } = await service.ask(ROOT, "GET", target, { accept: "application/xml" });
    expect(status, id).toBeLessThan(500);
  }
  expect(service.reports).toEqual([]);
});

test("no endpoint breaks over what stands in its path", async () => {
  const service = started(open);
  await withModel(service);
  const broken: string[] = [];
  for (const { id, method, path } of endpoints)
    for (const value of VALUES) {
      const target = path.replace(/\{app\}/g, "a1").replace(/\{[^}]+\}/g, value);
      const { status, text } = await service.ask(ROOT, method, target);
      if (status >= 500) broken.push(`${id} ${target}: ${text}`);
    }
  expect(broken).toEqual([]);
  expect(service.reports).toEqual([]);
});
