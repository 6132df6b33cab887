/** Faults under load at full length: `npm run test:nightly` runs it. */
import { test } from "bun:test";
import { zookeeperLacking } from "../daemons/zookeeper.ts";
import { gatewayRestartedAlone, leadersKilled, modelsInARow, serverPaused } from "./redirect_faults.ts";

const lacksZookeeper = zookeeperLacking() !== null;

test.skipIf(lacksZookeeper)(
  "RD74 the leader of three is killed every 5 s for 2 minutes",
  () => leadersKilled(24, 5_000),
  400_000,
);

test.skipIf(lacksZookeeper)(
  "RD155 ZooKeeper stands still for 30 s with sessions of 6 s",
  () => serverPaused(30_000, 6_000),
  120_000,
);

test.skipIf(lacksZookeeper)(
  "RD76 a gateway is started 10 times while its store is down",
  () => gatewayRestartedAlone(10),
  200_000,
);

test("RD77 1000 models in a row leave nothing behind", () => modelsInARow(1_000), 900_000);
