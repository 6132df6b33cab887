/** Reloads of every kind, listeners that come and go, certificates that are renewed. */
import type { TLSSocket } from "node:tls";
import { tlsClient } from "../../../support/raw_client.ts";
import type { Act } from "../act.ts";
import { until } from "../program.ts";
import { CERTIFICATES, type World } from "../world.ts";

const VISITS_PER_SECOND = 100;
/** Visitors go on for so long after the listener has gone. */
const AFTERWARDS_MS = 300;
/** Within this time a new certificate is served. */
const RENEWED_MS = 1_000;

const generationOf = async ({ program }: World): Promise<unknown> =>
  (await program.ask({ command: "status" }))["generation"];

export const configurationActs: readonly Act[] = [
  {
    name: "reload with changes",
    async run(world) {
      const before = await generationOf(world);
      world.settings.round++;
      // By every way in turn: by command, by signal, and by what the program sees of its file.
      if (world.settings.round % 3 === 0) await world.reload();
      else world.program.write(world.configuration());
      if (world.settings.round % 3 === 1) process.kill(world.program.pid, "SIGHUP");
      await until(async () => (await generationOf(world)) !== before, "the new configuration acts");
    },
  },
  {
    name: "reload without changes",
    async run(world) {
      const before = await generationOf(world);
      await world.reload();
      if ((await generationOf(world)) !== before)
        throw new Error("an equal configuration has changed something");
    },
  },
  {
    name: "broken configuration",
    async run(world) {
      const before = await generationOf(world);
      world.program.write(`${world.configuration()}\nworker: 1`);
      const refused = await world.program.ask({ command: "reload" }).then(
        () => "",
        (error: unknown) => String(error),
      );
      if (!refused.includes("unknown key")) throw new Error(`the reload was not refused: ${refused}`);
      if ((await generationOf(world)) !== before)
        throw new Error("a broken configuration has changed something");
      await world.reload();
    },
  },
  {
    name: "listener added and removed",
    async run(world) {
      world.settings.extraListener = true;
      await world.reload();
      const { listeners } = await world.program.ask({ command: "status" });
      const { port } = (listeners as { name: string; port: number }[]).find(({ name }) => name === "extra")!;
      const target = { listener: "extra", port, tls: false };
      world.tell({ type: "visit", target, ratePerSecond: VISITS_PER_SECOND });
      await Bun.sleep(300);
      world.settings.extraListener = false;
      world.program.write(world.configuration());
      // While it is removed some are refused and others served: nobody may get less.
      world.tell({ type: "leave", forMs: AFTERWARDS_MS * 3 });
      await world.program.ask({ command: "reload" });
      await world.visitOver();
    },
  },
  {
    name: "certificate swapped",
    async run(world) {
      const port = world.program.port("secure");
      const served = async () => {
        using client = await tlsClient(port, { servername: "a.example" });
        return String((client.socket as TLSSocket).getPeerCertificate().subject.CN);
      };
      const before = await served();
      const index = CERTIFICATES.findIndex(({ name }) => name !== before);
      world.writeCertificate(index);
      const since = performance.now();
      await world.program.ask({ command: "reload" });
      // Each connection may come to another worker.
      for (let seen = 0; seen < world.workers * 3;)
        if ((await served()) === before) {
          seen = 0;
          if (performance.now() - since > RENEWED_MS)
            throw new Error(`the old certificate is served after ${RENEWED_MS} ms`);
        } else seen++;
    },
  },
];
