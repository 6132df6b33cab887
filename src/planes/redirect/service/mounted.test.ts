import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore, storeEnvironment } from "../../../../test/support/store_tools.ts";
import type { MountedAnswer } from "../../../core/mounted_service.ts";
import type { Store } from "../../../store/contract.ts";
import { LargeDocuments } from "../../../store/large_documents.ts";
import { LISTS, listsBytes } from "../models/stored.ts";
import { principal } from "./access/principal.ts";
import type { ServiceFacts } from "./facts.ts";
import { MountedRedirectService } from "./mounted.ts";
import { ServiceError } from "./service_error.ts";

let folder = "";
let store: Store;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fairlead-mounted-"));
  store = openStore("sqlite", {}, storeEnvironment(folder));
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

/** Facts of a program whose section has such a limit; null = its configuration is changing. */
function mountedWith(limit: () => number | null): MountedRedirectService {
  const acting = (): number => {
    const bytes = limit();
    if (bytes === null) throw new ServiceError(503, "the service is not ready");
    return bytes;
  };
  const facts = {
    store: () => (acting(), store),
    get max_model_bytes() {
      return acting();
    },
    report: () => {},
  } as Partial<ServiceFacts> as ServiceFacts;
  return new MountedRedirectService(facts, () => ({
    authenticate: () => Promise.resolve(principal("root", ["*"])),
  }));
}

async function ask(service: MountedRedirectService, path: string): Promise<MountedAnswer> {
  const admission = await service.admit({
    method: "GET",
    path: `/redirectorWebService/data${path}`,
    query: "",
    authority: "127.0.0.1",
    accept: null,
    content_type: null,
    authorization: [],
    cookies: [],
    is_operator: false,
    client_address: "127.0.0.1",
  });
  return "answer" in admission ? admission.answer : await admission.handle(new Uint8Array());
}

test("a request while the configuration is changing is refused with 503, and the next one is served", async () => {
  let limit: number | null = null;
  const service = mountedWith(() => limit);
  expect((await ask(service, "/healthCheck")).status).toBe(503);
  limit = 1_000;
  expect(await ask(service, "/healthCheck")).toMatchObject({ status: 200, body: "OK" });
});

test("the limit of models is the one that acts now, not that of the first request", async () => {
  const values = Array.from({ length: 100 }, (_, number) => ({ value: `value ${number}`, encoded: null }));
  const list = { name: "beta", description: null, type: "TEXT" as const, version: 1, values };
  await new LargeDocuments(store).write(LISTS, listsBytes({ version: 1, lists: [list] }));
  let limit = 100;
  const service = mountedWith(() => limit);
  expect((await ask(service, "/namespacedLists/getAllNamespacedLists")).status).toBe(413);
  limit = 100_000;
  expect((await ask(service, "/namespacedLists/getAllNamespacedLists")).status).toBe(200);
});
