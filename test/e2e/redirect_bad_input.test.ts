/** What others send that is no use: the redirector goes on as if it were not there, and says so. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { modelOf } from "../../src/core/redirect/test_decider.ts";
import { putText, registerHost } from "../../src/planes/redirect/discovery/test_services.ts";
import { runFairlead, until } from "./processes_program.ts";
import { askRedirect, embeddedStore, writeModel, untilAllDecide } from "./redirect_program.ts";

const CONFIGURATION = 'workers: 1\nredirect:\n  address: "127.0.0.1:0"\n';
const GOOD = { status: 302, location: "http://10.0.0.1:8080/app" };

test("RD71 registrations that are rubbish are passed over, counted, and named in the status", async () => {
  await using fairlead = await runFairlead(CONFIGURATION);
  const store = embeddedStore(fairlead);
  await registerHost(store, "/EU/z1/1.0/a1", "10.0.0.1");
  await writeModel(store, "a1", 1, modelOf());
  const rubbish = ["", "null", "[]", "{", '"text"', "\u0000".repeat(1_000), "[".repeat(50_000)];
  for (const [index, text] of rubbish.entries())
    await putText(store, `/services/EU/z1/1.0/a1/bad-${index}`, text);
  const ignored = () => fairlead.metric("redirect_ignored_registrations");
  await until(async () => (await ignored()) === rubbish.length, "all of them are counted");
  const { out } = await fairlead.command(
    ...["redirect", "status", "--json", "--runtime-dir", join(fairlead.directory, "run")],
  );
  expect(out).toContain("/EU/z1/1.0/a1/bad-1 was passed over");
  await untilAllDecide(fairlead);
  for (let count = 0; count < 20; count++) expect(await askRedirect(fairlead)).toMatchObject(GOOD);
  await store.close();
}, 60_000);

test("headers of any size are answered or refused, and the next client is served", async () => {
  await using fairlead = await runFairlead(CONFIGURATION);
  const store = embeddedStore(fairlead);
  await registerHost(store, "/EU/z1/1.0/a1", "10.0.0.1");
  await writeModel(store, "a1", 1, modelOf());
  await untilAllDecide(fairlead);
  for (const size of [1_000, 100_000, 1_000_000]) {
    const headers = { "x-large": "a".repeat(size) };
    const { status } = await askRedirect(fairlead, undefined, { headers });
    expect(size === 1_000 ? [302] : [400, 431]).toContain(status);
    expect(await askRedirect(fairlead)).toMatchObject(GOOD);
  }
  await store.close();
}, 60_000);
