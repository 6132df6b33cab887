/** A folder for the access log that can be full: a file system of its own in memory. */
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";

const SIZE = "256m";
const BLOCK = Buffer.alloc(1_048_576);

export interface LogBook {
  /** Lines of the log, in all its files. */
  readonly lines: number;
  /** Lines of one route. */
  readonly ofRoute: ReadonlyMap<string, number>;
  /** Lines that are not whole. */
  readonly torn: readonly string[];
}

export class LogDirectory {
  readonly path: string;
  readonly file: string;
  #rotated = 0;

  /** Needs root, as every mount does. */
  constructor(path: string) {
    this.path = path;
    this.file = join(path, "access.log");
    mkdirSync(path);
    const mounted = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", `size=${SIZE}`, "none", path]);
    if (mounted.exitCode !== 0) throw new Error(`mount: ${mounted.stderr.toString()}`);
  }

  /** Moves the log away, as logrotate does. */
  rotate(): void {
    renameSync(this.file, `${this.file}.${++this.#rotated}`);
  }

  /** Takes all the room that is left. */
  fill(): void {
    const fd = openSync(join(this.path, "filler"), "a");
    try {
      for (let length = BLOCK.length; length > 0;) {
        try {
          if (writeSync(fd, BLOCK, 0, length) === 0) return;
        } catch {
          // Down to the last byte.
          length = Math.floor(length / 2);
        }
      }
    } finally {
      closeSync(fd);
    }
  }

  free(): void {
    rmSync(join(this.path, "filler"), { force: true });
  }

  /** Of the file that is written now. */
  get size(): number {
    return statSync(this.file, { throwIfNoEntry: false })?.size ?? 0;
  }

  read(): LogBook {
    const ofRoute = new Map<string, number>();
    const torn: string[] = [];
    let lines = 0;
    for (const name of readdirSync(this.path)) {
      if (!name.startsWith("access.log")) continue;
      const text = readFileSync(join(this.path, name), "utf8");
      if (text !== "" && !text.endsWith("\n")) torn.push(`${name} ends inside a line`);
      for (const line of text.split("\n")) {
        if (line === "") continue;
        lines++;
        const route = routeOf(line);
        if (route === null) torn.push(line);
        else ofRoute.set(route, (ofRoute.get(route) ?? 0) + 1);
      }
    }
    return { lines, ofRoute, torn };
  }

  remove(): void {
    Bun.spawnSync(["umount", "-l", this.path]);
  }
}

function routeOf(line: string): string | null {
  try {
    return String((JSON.parse(line) as { route: unknown }).route);
  } catch {
    return null;
  }
}
