/**
 * A second program on a store: `bun store_process_main.ts DIRECTORY BASE WHAT`. It says what it does on standard output, one
 * line each. `register` holds a registration until it is killed; `count` adds 200 to a number.
 */
import { StoreConflict } from "../../src/store/errors.ts";
import { bytesOf, openStore, storeEnvironment, textOf } from "./store_tools.ts";

const [directory = "", base = "", what = ""] = process.argv.slice(2);
const store = openStore(
  "sqlite",
  { directory, base, lease: "600ms", poll: "50ms" },
  storeEnvironment(directory),
);

if (what === "register") {
  await store.register("/s/child", bytesOf(String(process.pid)));
  console.log("registered");
  setInterval(() => {}, 1_000);
} else {
  for (let done = 0; done < 200;) {
    const found = await store.get("/count");
    try {
      await store.put(
        "/count",
        bytesOf(String(Number(textOf(found?.value) || 0) + 1)),
        found?.revision ?? "absent",
      );
      done++;
    } catch (error) {
      if (!(error instanceof StoreConflict)) throw error;
    }
  }
  await store.close();
  console.log("counted");
}
