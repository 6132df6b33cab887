/** SQLite, as configurations name it. */
import { z } from "zod";
import { duration } from "../../core/schema/duration.ts";
import { outputFile } from "../../core/schema/file_name.ts";
import { messageOf } from "../../core/text/message_of.ts";
import { baseOption } from "../base_option.ts";
import type { StorePart } from "../contract.ts";
import { DEFAULT_STORE } from "../defaults.ts";
import { StoreRefused } from "../errors.ts";
import { SqliteStore } from "./store.ts";

const { lease_ms, poll_ms } = DEFAULT_STORE.sqlite;
const SHORTEST_LEASE_MS = 300;
const SHORTEST_POLL_MS = 10;
const LONGEST_POLL_MS = 1_000;

const schema = z.strictObject({
  directory: outputFile()
    .optional()
    .meta({ description: "Folder of the file `store.sqlite`; default: `state_dir`." }),
  base: baseOption(),
  lease: duration()
    .prefault(`${lease_ms}ms`)
    .refine((ms) => ms >= SHORTEST_LEASE_MS, { error: "expected at least 300ms" })
    .meta({ description: "How long registrations outlive a program that ends without removing them." }),
  poll: duration()
    .prefault(`${poll_ms}ms`)
    .refine((ms) => ms >= SHORTEST_POLL_MS && ms <= LONGEST_POLL_MS, { error: "expected 10ms to 1s" })
    .meta({ description: "How often it is looked whether other programs have written." }),
});

export const sqlite: StorePart<z.output<typeof schema>> = {
  name: "sqlite",
  summary: "A file on this machine, for one program or several.",
  schema,
  open({ directory, base, lease, poll }, environment) {
    const options = {
      directory: directory ?? environment.state_dir,
      base,
      lease_ms: lease,
      poll_ms: poll,
    };
    try {
      return new SqliteStore(options, environment);
    } catch (error) {
      throw error instanceof RangeError ? new StoreRefused(messageOf(error)) : error;
    }
  },
};
