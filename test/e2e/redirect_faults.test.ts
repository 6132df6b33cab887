/** Faults under load, in short. The full lengths are in redirect_faults.nightly.ts. */
import { test } from "bun:test";
import { zookeeperLacking } from "../daemons/zookeeper.ts";
import { requirement } from "../support/require.ts";
import { gatewayRestartedAlone, leadersKilled, modelsInARow, serverPaused } from "./redirect_faults.ts";

const PATIENCE = 90_000;
const lacking = requirement("zookeeper", zookeeperLacking());

test.skipIf(lacking !== null)(
  "RD74 an ensemble whose leaders are killed changes no decision",
  () => leadersKilled(2, 4_000),
  PATIENCE,
);

test.skipIf(lacking !== null)(
  "RD155 a server that stands still for longer than the sessions changes no decision",
  () => serverPaused(4_000, 2_000),
  PATIENCE,
);

test.skipIf(lacking !== null)(
  "RD76 a gateway that starts while its store is down decides by what was good last, within 2 s",
  () => gatewayRestartedAlone(1),
  PATIENCE,
);

test(
  "RD77 models that follow each other act one after the other, and nothing is left of them",
  () => modelsInARow(10),
  PATIENCE,
);
