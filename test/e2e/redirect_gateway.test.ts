/** The gateway of the redirector from outside: what clients, proxies in front, and those who watch it see. */
import { expect, test } from "bun:test";
import { modelOf } from "../../src/core/redirect/test_decider.ts";
import { VERSION } from "../../src/core/version.ts";
import { registerHost } from "../../src/planes/redirect/discovery/test_services.ts";
import { runFairlead, until } from "./processes_program.ts";
import { askRedirect, embeddedStore, writeModel } from "./redirect_program.ts";

const PATIENCE = 60_000;

const CONFIGURATION = `workers: 2
redirect:
  address: "127.0.0.1:0"
  apps: { a1: {} }
`;

test(
  "RD140 the program is ready as soon as a model can be used, and not before",
  async () => {
    await using fairlead = await runFairlead(CONFIGURATION);
    const health = () => askRedirect(fairlead, "/healthCheck");
    expect(await health()).toMatchObject({ status: 503, text: "no usable model yet" });
    const store = embeddedStore(fairlead);
    await writeModel(store, "a1", 1, modelOf());
    const code = async () => (JSON.parse((await askRedirect(fairlead)).text) as { code: string }).code;
    await until(async () => (await code()) === "no_host", "the model is known");
    expect((await health()).status).toBe(503);
    await registerHost(store, "/EU/z1/1.0/a1", "10.0.0.1");
    await until(async () => (await health()).status === 200, "the model can be used");
    expect((await health()).text).toBe("OK");
    await store.close();
  },
  PATIENCE,
);

test(
  "RD160 healthCheck and version of the running program",
  async () => {
    await using fairlead = await runFairlead(CONFIGURATION);
    const { status, text } = await askRedirect(fairlead, "/version");
    expect([status, JSON.parse(text)]).toMatchObject([200, { projectVersion: VERSION, gitCommitId: "" }]);
    const xml = await askRedirect(fairlead, "/version", { headers: { accept: "application/xml" } });
    expect(xml.text).toStartWith('<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<version>');
    expect((await askRedirect(fairlead, "/healthCheck")).status).toBe(503);
  },
  PATIENCE,
);
