/** The main file of the original hosts redirector: every key is optional. */
import { isAbsolute } from "node:path";
import { z } from "zod";
import { PYTHON_LEVELS, type PythonLevel } from "../../core/text/python_format.ts";
import { MAX_HOOKS } from "../schema/hosts.ts";
import { zone } from "../schema/zone.ts";
import { seconds, secondsOrDuration, trueOrFalse, wholeNumber } from "./kinds.ts";

export const DEFAULT_LOG_FORMAT = "%(asctime)s :: %(levelname)s :: %(message)s";
const MAX_BACKUPS = 10_000;
const HOOK_TIMEOUT_MS = 10_000;

const path = (expected: string): z.ZodString =>
  z.string({ error: `expected ${expected}` }).min(1, { error: `expected ${expected}` });

const hook = z.strictObject({
  command: z
    .array(z.string())
    .min(1)
    .refine(([program]) => program?.startsWith("/") === true, {
      error: "expected a command as a list, its program with an absolute path",
    })
    .meta({ description: "The program and its arguments; no shell." }),
  timeout: secondsOrDuration().optional().meta({ description: "Longer runs are ended." }),
});

export const mainFile = z.strictObject({
  log_level: z.enum(Object.keys(PYTHON_LEVELS) as [PythonLevel]).prefault("INFO"),
  log_format: z.string().prefault(DEFAULT_LOG_FORMAT),
  log_file_path: path("an absolute path")
    .refine(isAbsolute, { error: "expected an absolute path" })
    .prefault("/var/log/redirector.log"),
  log_file_max_bytes: wholeNumber(0, Number.MAX_SAFE_INTEGER, "a number of bytes").prefault(5_000_000),
  log_file_max_backups: wholeNumber(0, MAX_BACKUPS, `a number from 0 to ${MAX_BACKUPS}`).prefault(5),
  lb_configs_dir: path("the name of a folder").prefault("lb_configs"),
  persist_hosts_block: trueOrFalse().prefault(true),
  pid_file: path("the name of a file, or null").nullish(),
  // What the original does not have.
  hosts_file: path("the name of a file").optional(),
  mode: z.enum(["rename", "in_place"]).optional(),
  dry_run: trueOrFalse().optional(),
  resolve_interval: seconds().optional(),
  local_zone: zone().optional(),
  hooks: z.array(hook).max(MAX_HOOKS).prefault([]),
});

export type MainFile = z.output<typeof mainFile>;

/** A hook as Fairlead's own configuration writes it. */
export function hookSetting({ command, timeout }: MainFile["hooks"][number]): {
  command: readonly string[];
  timeout: string;
} {
  return { command, timeout: `${timeout ?? HOOK_TIMEOUT_MS}ms` };
}
