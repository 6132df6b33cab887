/** A partition under load at full length: `npm run test:nightly` runs it. */
import { test } from "bun:test";
import { zookeeperLacking } from "../daemons/zookeeper.ts";
import { networkPlaceLacking } from "../support/network_place.ts";
import { storePartitioned } from "./redirect_partition.ts";

test.skipIf(zookeeperLacking() !== null || networkPlaceLacking() !== null)(
  "RD155 a gateway is cut off its store for 30 s with sessions of 6 s",
  async () => {
    for (let round = 0; round < 3; round++)
      await storePartitioned({ cut_ms: 30_000, session_ms: 6_000, grace_ms: 10_000 });
  },
  300_000,
);
