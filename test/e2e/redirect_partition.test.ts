/** A partition under load, in short. The full length is in redirect_partition.nightly.ts. */
import { test } from "bun:test";
import { zookeeperLacking } from "../daemons/zookeeper.ts";
import { networkPlaceLacking } from "../support/network_place.ts";
import { requirement } from "../support/require.ts";
import { storePartitioned } from "./redirect_partition.ts";

const lacksZookeeper = requirement("zookeeper", zookeeperLacking());
const lacksPlace = requirement("nftables", networkPlaceLacking());

test.skipIf(lacksZookeeper !== null || lacksPlace !== null)(
  "RD155 a gateway that is cut off its store decides as before, and follows within 2 s of the network",
  () => storePartitioned({ cut_ms: 6_000, session_ms: 2_000, grace_ms: 4_000 }),
  60_000,
);
