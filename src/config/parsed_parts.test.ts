import { expect, test } from "bun:test";
import { ParsedParts } from "./parsed_parts.ts";
import { configSchema } from "./schema/root.ts";
import { testParts } from "./test_parts.ts";

const schema = configSchema(testParts);
const route = (name: string, more: object = {}) => ({ name, match: "Path(`/`)", pool: "web", ...more });
const pool = (port: number, more: object = {}) => ({
  backends: [{ url: `http://127.0.0.1:${port}` }],
  ...more,
});

test("what has been validated is not validated again, and the result is that of the whole", () => {
  const parts = new ParsedParts();
  const first = { routes: [route("a"), route("b")], pools: { web: pool(1), api: pool(2) } };
  const before = parts.parse(schema, first).data!;
  const second = {
    workers: 3,
    routes: [route("new"), first.routes[1], first.routes[0]],
    pools: { other: pool(3), web: first.pools.web },
  };
  const after = parts.parse(schema, second).data!;
  expect(after).toEqual(schema.parse(second));
  expect(Object.keys(after.pools)).toEqual(["other", "web"]);
  expect(after.routes[2]).toBe(before.routes[0]!);
  expect(after.pools["web"]).toBe(before.pools["web"]!);
  expect(after.routes[0]).not.toBe(before.routes[0]!);
});

test("what is wrong is told with its place in the whole, and is not remembered as right", () => {
  const parts = new ParsedParts();
  const good = { routes: [route("a"), route("b")], pools: { web: pool(1) } };
  expect(parts.parse(schema, good).success).toBe(true);
  const bad = { ...good, routes: [...good.routes, route("c", { priority: -1 })] };
  for (let time = 0; time < 2; time++)
    expect(parts.parse(schema, bad).error?.issues).toEqual(schema.safeParse(bad).error!.issues);
  const badName = { ...good, pools: { "no name!": good.pools.web } };
  expect(parts.parse(schema, badName).error?.issues).toEqual(schema.safeParse(badName).error!.issues);
});

test("values of any form are judged as by the schema alone", () => {
  const parts = new ParsedParts();
  for (const value of [
    null,
    [],
    {},
    { routes: {} },
    { routes: [null], pools: {} },
    { routes: [], pools: { a: 1 } },
  ]) {
    const [own, whole] = [parts.parse(schema, value), schema.safeParse(value)];
    expect(own.error?.issues).toEqual(whole.error?.issues as never);
    expect(own.data).toEqual(whole.data as never);
  }
});
