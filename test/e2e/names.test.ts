/** Backends that are given by name: what their addresses do to traffic, from outside. */
import { expect, test } from "bun:test";
import { KeepAliveLoad } from "./processes_load.ts";
import { runFairlead } from "./processes_program.ts";
import { rawOrigin } from "../support/raw_origin.ts";

const PATIENCE = { timeout: 60_000 };

test(
  "a reload that adds a pool whose backends are given by name: no request fails",
  async () => {
    using origin = await rawOrigin();
    const config = (pool: string, host: string) =>
      `workers: 2\npools: { ${pool}: { backends: [{ url: "http://${host}:${origin.port}" }] } }\nroutes: [{ pool: ${pool} }]`;
    await using fairlead = await runFairlead(config("first", "127.0.0.1"));
    const load = new KeepAliveLoad(fairlead.port());
    await load.until("200 ok");
    for (let round = 0; round < 5; round++) {
      await fairlead.apply(config(`named${round}`, "localhost"));
      await load.until("200 ok", 10);
      await fairlead.apply(config("first", "127.0.0.1"));
      await load.until("200 ok", 10);
    }
    expect(Object.keys(await load.stop())).toEqual(["200 ok"]);
  },
  PATIENCE,
);
