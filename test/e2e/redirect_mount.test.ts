/** The control side of the redirector while its configuration changes. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configuration } from "../../src/cli/configuration.ts";
import { parts } from "../../src/composition.ts";
import type { MountedHead } from "../../src/core/mounted_service.ts";
import type { Plan } from "../../src/core/plan.ts";
import type { Snapshot } from "../../src/core/snapshot.ts";
import { SupervisorMetrics } from "../../src/observe/supervisor_metrics.ts";
import { RedirectPart } from "../../src/planes/redirect/part.ts";
import { createAuthenticator } from "../../src/planes/redirect/service/access/authenticator.ts";
import { realClock as clock } from "../../src/platform/clock.ts";
import { realFiles as files } from "../../src/platform/files.ts";

const HEAD: MountedHead = {
  method: "GET",
  path: "/admin/redirect/redirectorService/applicationNames",
  query: "",
  authority: "127.0.0.1",
  accept: null,
  content_type: null,
  authorization: [],
  cookies: [],
  is_operator: true,
  client_address: "127.0.0.1",
};

test("while one configuration takes the place of another, the service is there and says that it is not ready", async () => {
  const directory = mkdtempSync(join(tmpdir(), "redirect-mount-"));
  const file = join(directory, "fairlead.yaml");
  const planOf = async (more: string): Promise<Plan> => {
    writeFileSync(file, `state_dir: ${directory}\n${more}`);
    const { plan, problems } = await configuration({ file, set: [] }, await parts.config()).load();
    if (plan === null) throw new Error(problems.join("\n"));
    return plan;
  };
  let plan = await planOf('redirect: { address: "127.0.0.1:0" }\n');
  const part = new RedirectPart(
    {
      snapshot: () => ({ plan, files: {}, documents: {} }) as unknown as Snapshot,
      publish() {},
      report() {},
      share: () => Promise.reject(new Error("the test has no shared memory")) as never,
      askWorkers: () => Promise.resolve([]),
    },
    {
      clock,
      random: Math.random,
      files,
      names: { lookup: () => Promise.reject(new Error("the test has no names")) },
      metrics: new SupervisorMetrics(),
      authenticator: async (service) => createAuthenticator(service, { clock, fetch, report() {} }),
      countFeedback() {},
      makeProbes: () => ({ update() {}, stop() {} }),
    },
  );
  const asked = async (): Promise<number> => {
    const [mounted] = part.mounts();
    if (mounted === undefined) return 404;
    const admission = await mounted.admit(HEAD);
    const answer = "answer" in admission ? admission.answer : await admission.handle(new Uint8Array(0));
    return answer.status;
  };
  try {
    expect(await asked()).toBe(404);
    await part.planChanged(plan);
    expect(await asked()).toBe(200);
    plan = await planOf('redirect: { address: "127.0.0.1:0", service: { revisions: 7 } }\n');
    const changing = part.planChanged(plan);
    expect(await asked()).toBe(503);
    await changing;
    expect(await asked()).toBe(200);
    plan = await planOf("");
    const ending = part.planChanged(plan);
    expect(await asked()).toBe(404);
    await ending;
  } finally {
    await part.stop();
    rmSync(directory, { recursive: true, force: true });
  }
});
