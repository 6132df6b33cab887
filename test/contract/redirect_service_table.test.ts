/** Every endpoint of the redirector's management service, called well and badly, in JSON and in XML where it has both. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { endpoints } from "../../src/planes/redirect/service/endpoints/all.ts";
import type { Endpoint } from "../../src/planes/redirect/service/http/endpoint.ts";
import { openTestStore, stack, TestService } from "../../src/planes/redirect/service/test_service.ts";
import { CALLS, type EndpointCall, fillService } from "./redirect_service_calls.ts";

const folder = mkdtempSync(join(tmpdir(), "redirect-table-"));
const filled = join(folder, "filled");
const STACKS = {
  a1: [
    stack("/EU/z1", "1.0", "10.0.0.1"),
    stack("/EU/z2", "2.0", "10.0.0.2"),
    stack("/EU/z3", "3.0", "10.0.0.3"),
  ],
  a2: [stack("/EU/z1", "1.0", "10.0.1.1")],
  a3: [stack("/EU/z1", "1.0", "10.0.2.1")],
};

beforeAll(async () => {
  const store = openTestStore(filled);
  await fillService(new TestService({ stacks: STACKS, store }), store);
  await store.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A service of its own, over a copy of the store that was filled. */
async function withService(use: (service: TestService) => Promise<void>): Promise<void> {
  const copy = mkdtempSync(join(folder, "copy-"));
  cpSync(filled, copy, { recursive: true });
  const store = openTestStore(copy);
  try {
    await use(new TestService({ stacks: STACKS, store }));
  } finally {
    await store.close();
    rmSync(copy, { recursive: true, force: true });
  }
}

const ROOT = "root:admin";

async function expectGood({ id, method, gives, status = 200 }: Endpoint, call: EndpointCall): Promise<void> {
  await withService(async (service) => {
    const { target, body, type } = call;
    const request = { ...(body === undefined ? {} : { body }), ...(type === undefined ? {} : { type }) };
    const answer = await service.ask(ROOT, method, target, request);
    expect(answer, `${id}: ${answer.text}`).toMatchObject({ status: call.status ?? status });
    const expected = call.gives ?? gives.types[0]!;
    expect(answer.type, id).toBe(expected);
    if (expected === "application/json") answer.json();
    if (call.file !== undefined)
      expect(answer.fields).toContain(`Content-Disposition: attachment; filename=${call.file}\r\n`);
    if (call.holds !== undefined) expect(answer.text, id).toContain(call.holds);
  });
  if (gives.types.includes("application/xml") && call.status === undefined) await expectXml(method, call);
}

async function expectXml(method: string, { target, body, type }: EndpointCall): Promise<void> {
  await withService(async (service) => {
    const answer = await service.ask(ROOT, method, target, {
      ...(body === undefined ? {} : { body }),
      ...(type === undefined ? {} : { type }),
      accept: "application/xml",
    });
    expect(answer.type).toBe("application/xml");
    expect(answer.text).toStartWith("<?xml");
  });
}

test("RD159 every endpoint has its calls here", () => {
  const known = new Set(CALLS.map(({ id }) => id));
  expect(endpoints.filter(({ id }) => !known.has(id)).map(({ id }) => id)).toEqual([]);
  const ids = new Set(endpoints.map(({ id }) => id));
  expect([...known].filter((id) => !ids.has(id))).toEqual([]);
});

test("RD159 the OpenAPI document has every endpoint", async () => {
  await withService(async (service) => {
    const { paths } = (await service.ask(ROOT, "GET", "/openapi.json")).json();
    const described = paths as unknown as Record<string, Record<string, { operationId: string }>>;
    for (const { id, method, path } of endpoints)
      expect(described[path]?.[method.toLowerCase()]?.operationId).toBe(id);
  });
});

describe("RD159 the endpoint", () => {
  for (const call of CALLS) {
    const endpoint = endpoints.find(({ id }) => id === call.id);
    if (endpoint === undefined) continue;
    const { method } = endpoint;
    test(`RD159 ${method} ${call.target}`, async () => {
      await expectGood(endpoint, call);
      for (const bad of call.bad ?? [])
        await withService(async (service) => {
          const answer = await service.ask(ROOT, method, bad.target ?? call.target, {
            ...(bad.body === undefined ? {} : { body: bad.body }),
            ...(bad.type === undefined ? {} : { type: bad.type }),
          });
          expect(answer, `${JSON.stringify(bad)}: ${answer.text}`).toMatchObject({ status: bad.status });
          expect(answer.text.trim()).not.toBe("");
        });
    });
  }
});
