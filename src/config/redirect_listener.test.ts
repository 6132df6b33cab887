import { expect, test } from "bun:test";
import { MemoryFiles } from "../platform/files.ts";
import { ConfigCache } from "./config_files.ts";
import { loadConfig } from "./load.ts";
import { problemText } from "./problem.ts";
import { testParts } from "./test_parts.ts";

const MAIN = "/etc/fairlead/fairlead.yaml";

async function load(text: string) {
  const files = new MemoryFiles({ [MAIN]: text });
  const cache = new ConfigCache();
  const { plan, problems } = await loadConfig({ file: MAIN, parts: testParts, files, cache, cores: 1 });
  return { listeners: plan?.listeners, redirect: plan?.redirect, problems: problems.map(problemText) };
}

test("RD152 clients of the original find the gateway on port 10601", async () => {
  const { listeners } = await load("redirect: {}\n");
  expect(listeners).toMatchObject([
    { name: "redirect", address: { host: "::", port: 10_601, dual_stack: true }, tls: null },
  ]);
});

test("settings of the listener are checked as those of other listeners", async () => {
  const { problems } = await load(`redirect:
  mode: "0600"
  trusted_proxies: [localhost]
  tls: { certificates: [], min_version: 1.3, max_version: 1.2 }
`);
  expect(problems).toEqual([
    `${MAIN}:2:3: redirect.mode: is only for addresses that start with unix:`,
    `${MAIN}:3:21: redirect.trusted_proxies[0]: "localhost" is not a network; expected an address or a network such as 10.0.0.0/8 or fd00::/8`,
    `${MAIN}:4:24: redirect.tls.certificates: expected at least 1 entry`,
    `${MAIN}:4:41: redirect.tls.min_version: min_version is above max_version`,
  ]);
});

test("an application leaves sections of the defaults out, and not what it sets itself", async () => {
  const defaults = `defaults:
    health_check: { type: tcp }
    feedback: {}
    spill_over: { datacenter: EU }
`;
  const app = (settings: string) => `redirect:\n  ${defaults}  apps: { a1: ${settings} }\n`;
  const { redirect } = await load(app("{ without: [health_check, feedback], affinity: host }"));
  expect(redirect?.defaults).toMatchObject({ health_check: { type: "tcp" }, affinity: "none" });
  const left = { health_check: null, feedback: null, spill_over: { datacenter: "EU" }, affinity: "host" };
  expect(redirect?.apps["a1"]).toMatchObject(left);
  const problemsOf = async (settings: string) => (await load(app(settings))).problems;
  expect(await problemsOf("{ feedback: {}, without: [feedback] }")).toEqual([
    `${MAIN}:6:41: redirect.apps.a1.without[0]: feedback is set here too`,
  ]);
  expect(await problemsOf("{ without: [compat] }")).toEqual([
    `${MAIN}:6:27: redirect.apps.a1.without[0]: expected one of spill_over, health_check, feedback, got "compat"`,
  ]);
  const { problems: outer } = await load("redirect: { defaults: { without: [feedback] } }\n");
  expect(outer[0]).toContain("without");
});
