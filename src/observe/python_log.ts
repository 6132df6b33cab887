/** The log of the original hosts redirector: a format of Python's `logging`, a level, and a file that is rotated. */
import { PYTHON_LEVELS, type PythonLevel } from "../core/text/python_format.ts";
import { realClock, type Clock } from "../platform/clock.ts";
import { messageText, type LogEntry } from "./log_line.ts";
import { compilePythonFormat, pythonTime, type PythonRecord } from "./python_format.ts";
import { RotatingFile } from "./rotating_file.ts";

const LEVEL_OF = { info: "INFO", warning: "WARNING", error: "ERROR" } as const satisfies Readonly<
  Record<LogEntry["level"], PythonLevel>
>;
/** What stands where a record of Python names the logger and the source file: the program has no other word for it. */
const PROGRAM = "fairlead";

export interface PythonLogOptions {
  readonly path: string;
  /** What is below it is not written; NOTSET = everything. */
  readonly level: PythonLevel;
  /** Throws in the constructor where `parsePythonFormat` refuses it. */
  readonly format: string;
  readonly maxBytes: number;
  readonly backups: number;
  readonly clock?: Clock;
  /** Told of a trouble with the file in words: once until it is over. */
  readonly problem?: (words: string) => void;
  /** Told when lines that could not be written are written again, with the number of those that are lost. */
  readonly recovered?: (lost: number) => void;
}

/** Writes the program's events. What is not known of an event has a fixed value: `funcName` is the event's own word. */
export class PythonLog {
  readonly #clock: Clock;
  readonly #lowest: number;
  readonly #line: (record: PythonRecord) => string;
  readonly #file: RotatingFile;
  readonly #startMs: number;

  constructor(options: PythonLogOptions) {
    this.#clock = options.clock ?? realClock;
    this.#lowest = PYTHON_LEVELS[options.level];
    this.#line = compilePythonFormat(options.format);
    this.#startMs = this.#clock.wall();
    this.#file = new RotatingFile(options);
  }

  /** Writes a line where the entry's level is high enough. Never throws. May be passed on as it is. */
  readonly write = (entry: LogEntry): void => {
    const levelname = LEVEL_OF[entry.level];
    if (PYTHON_LEVELS[levelname] >= this.#lowest)
      this.#file.write(this.#line(this.#record(entry, levelname)));
  };

  #record(entry: LogEntry, levelname: keyof typeof PYTHON_LEVELS): PythonRecord {
    const wallMs = this.#clock.wall();
    return {
      asctime: pythonTime(wallMs),
      created: wallMs / 1_000,
      filename: PROGRAM,
      funcName: entry.event,
      levelname,
      levelno: PYTHON_LEVELS[levelname],
      lineno: 0,
      message: messageText(entry.text),
      module: PROGRAM,
      msecs: Math.trunc(((wallMs % 1_000) + 1_000) % 1_000),
      name: PROGRAM,
      pathname: PROGRAM,
      process: process.pid,
      processName: "MainProcess",
      relativeCreated: wallMs - this.#startMs,
      thread: process.pid,
      threadName: "MainThread",
    };
  }

  /** Writes what can be written, and closes the file. */
  close(): void {
    this.#file.close();
  }
}
