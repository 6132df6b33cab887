/** A start with a bad configuration: the last good one serves and says so; without one the start is refused. */
import { afterEach, expect, test } from "bun:test";
import { rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ask, Place } from "./processes_fixture.ts";

const PATIENCE = { timeout: 60_000 };
const places: Place[] = [];
afterEach(async () => {
  for (const place of places.splice(0)) await place.remove();
});

function place(): Place {
  const made = new Place();
  places.push(made);
  return made;
}

test(
  "a cold start with a bad main file and a wiped runtime_dir serves the last good configuration, says so, and takes the repair",
  async () => {
    const here = place();
    here.write({ web: "127.0.0.1:0" }, "one", "workers: 0");
    const first = here.start();
    expect(await ask(await first.port("web"))).toStartWith("one");
    first.child.kill("SIGTERM");
    expect(await first.child.exited).toBe(0);
    expect(statSync(join(here.directory, "state", "last-good.json")).mode & 0o777).toBe(0o600);

    rmSync(here.runtime, { recursive: true });
    // The line of state_dir is all that can be made out of this.
    writeFileSync(here.file, `state_dir: ${join(here.directory, "state")}\nroutes: [\n`);
    const second = here.start();
    expect(await ask(await second.port("web"))).toStartWith("one");
    expect((await second.until("config_problem")).message).toStartWith(`${here.file}:3:1: `);
    expect((await second.until("config_warning")).message).toMatch(
      /last-good\.json: the configuration is bad; the last good one, saved at 20\d\d-.*Z, is used$/,
    );
    here.write({ web: "127.0.0.1:0" }, "two", "workers: 0");
    const reload = await here.command("reload", "--runtime-dir", here.runtime);
    expect([reload.code, reload.error]).toEqual([0, ""]);
    expect(await ask(await second.port("web"))).toStartWith("two");
  },
  PATIENCE,
);

test(
  "H-J1 a cold start with a bad configuration and no good one: each problem with its place, exit code 1, nothing applied",
  async () => {
    const here = place();
    writeFileSync(here.file, `state_dir: ${join(here.directory, "state")}\nwrokers: 1\nroutes: {}\n`);
    const program = here.start();
    expect(await program.child.exited).toBe(1);
    expect(program.said.every(({ event }) => event !== "ready")).toBe(true);
    const text = program.said.map(({ message }) => message).join("\n");
    expect(text).toMatch(/fairlead\.yaml:2:1: wrokers: unknown key; .*did you mean "workers"\?/);
    expect(text).toContain("fairlead.yaml:3:9: routes: expected a list, got a map");
  },
  PATIENCE,
);
