/** `fairlead status` of the real program. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { runFairlead } from "./processes_program.ts";

const PATIENCE = { timeout: 60_000 };

test(
  "status shows state, listeners, workers, backends and the last reload, as text and as JSON",
  async () => {
    const configuration = `workers: 2
pools:
  web: { backends: [{ id: a, url: "http://127.0.0.1:9", weight: 3 }] }
  checked: { backends: [{ id: b, url: "http://127.0.0.1:9" }], health_check: { type: tcp } }
routes: [{ name: all, pool: web }]`;
    await using fairlead = await runFairlead(configuration);
    const runtime = join(fairlead.directory, "run");
    const shown = await fairlead.command("status", "--runtime-dir", runtime);
    expect([shown.code, shown.error]).toEqual([0, ""]);
    const { pid } = fairlead.program.child;
    const [first, ...lines] = shown.out.split("\n");
    expect(first).toBe(`serving, pid ${pid}, generation 1`);
    expect(lines).toContain(`web       127.0.0.1:${fairlead.port()}`);
    for (const worker of fairlead.workers)
      expect(shown.out).toMatch(new RegExp(`^[01] +${worker} +ready +1 +0 +0 +0$`, "m"));
    expect(shown.out).toMatch(/^web\/a +active +3 +127\.0\.0\.1:9$/m);
    expect(shown.out).toMatch(/^checked\/b +active +1 +127\.0\.0\.1:9 unhealthy$/m);

    fairlead.write(`${configuration}\nworker: 1`);
    expect((await fairlead.reload()).code).toBe(1);
    const refused = await fairlead.command("status", "--runtime-dir", runtime);
    expect(refused.out).toMatch(/^last reload \S+Z: refused\n {2}\S+fairlead\.yaml:\d+:1: /m);

    const { out } = await fairlead.command("status", "--runtime-dir", runtime, "--json");
    expect(JSON.parse(out)).toMatchObject({
      state: "serving",
      pid,
      listeners: [{ name: "web", address: "127.0.0.1", port: fairlead.port() }],
      workers: [
        { index: 0, ready: true },
        { index: 1, ready: true },
      ],
      last_reload: { ok: false },
      backends: [
        { id: "a", weight: 3 },
        { id: "b", addresses: [{ health: "unhealthy" }] },
      ],
    });
  },
  PATIENCE,
);

test(
  "status --watch goes on until the program has ended, and nobody to ask is one sentence",
  async () => {
    await using fairlead = await runFairlead("routes: [{ respond: { status: 200 } }]");
    const runtime = join(fairlead.directory, "run");
    const watching = fairlead.command("status", "--runtime-dir", runtime, "--watch", "--json");
    await Bun.sleep(0);
    fairlead.signal("SIGTERM");
    await fairlead.program.child.exited;
    const { code, out } = await watching;
    expect(code).toBe(1);
    expect(JSON.parse(out.trim().split("\n").at(-1)!)).toMatchObject({ ok: false });
    const nobody = await fairlead.command("status", "--runtime-dir", runtime);
    expect(nobody.error).toStartWith(`fairlead status: no supervisor answers in runtime_dir ${runtime}`);
  },
  PATIENCE,
);
