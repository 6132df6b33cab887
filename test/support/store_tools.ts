/** What tests of stores share. */
import { realClock } from "../../src/platform/clock.ts";
import { SystemNames } from "../../src/platform/names_system.ts";
import type { Store, StoreEnvironment, WatchListener } from "../../src/store/contract.ts";
import { storeByName } from "../../src/store/all.ts";

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
export const textOf = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

/** The machine, with files from texts. */
export function storeEnvironment(
  stateDir: string,
  files: Readonly<Record<string, string>> = {},
): StoreEnvironment {
  return {
    clock: realClock,
    random: Math.random,
    names: new SystemNames({ clock: realClock }),
    state_dir: stateDir,
    readFile(path) {
      const text = files[path];
      if (text === undefined) throw new Error(`${path} has not been read`);
      return text;
    },
  };
}

/** Opens a store by its options as a configuration has them. */
export function openStore(
  type: string,
  options: Readonly<Record<string, unknown>>,
  environment: StoreEnvironment,
): Store {
  const part = storeByName(type)!;
  return part.open(part.schema.parse(options), environment);
}

/** Keeps what a watch tells. */
export class WatchLog implements WatchListener {
  readonly paths: string[] = [];
  relists = 0;

  changed(paths: readonly string[]): void {
    this.paths.push(...paths);
  }

  relist(): void {
    this.relists++;
  }
}

/** Waits until `holds` gives true, looking every 10 ms. Throws after `limitMs`, naming `what`. */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  limitMs = 10_000,
): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not within ${limitMs} ms: ${what}`);
    await Bun.sleep(10);
  }
}

/** What a promise is rejected with. Throws when it is not. */
export async function refusal(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error("was not refused");
}
