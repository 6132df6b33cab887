/** Lines of a program's standard output, one at a time. */
export class LineReader {
  readonly #reader: { read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }> };
  readonly #decoder = new TextDecoder();
  #rest = "";

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** The next line without its end. Throws Error at the end of the stream and after `limitMs`. */
  async next(limitMs: number): Promise<string> {
    const timer = Promise.withResolvers<"late">();
    const timeout = setTimeout(() => timer.resolve("late"), limitMs);
    try {
      for (;;) {
        const end = this.#rest.indexOf("\n");
        if (end >= 0) {
          const line = this.#rest.slice(0, end);
          this.#rest = this.#rest.slice(end + 1);
          return line;
        }
        const read = await Promise.race([this.#reader.read(), timer.promise]);
        if (read === "late") throw new Error(`no line within ${limitMs} ms`);
        if (read.done) throw new Error(`the program ended before its line: ${JSON.stringify(this.#rest)}`);
        this.#rest += this.#decoder.decode(read.value, { stream: true });
      }
    } finally {
      clearTimeout(timeout);
    }
  }
}
