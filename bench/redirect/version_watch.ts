/** Asks on some kept connections, which all workers share, which version of a model answers. */

const CONNECTIONS = 16;
const LIMIT_MS = 30_000;
/** Between two rounds of questions. */
const PAUSE_MS = 2;

interface Line {
  readonly socket: Bun.Socket<undefined>;
  version: number;
  told: (() => void) | null;
}

export class VersionWatch {
  readonly #port: number;
  readonly #request: string;
  readonly #lines: Line[] = [];

  constructor(port: number, target: string) {
    this.#port = port;
    this.#request = `GET ${target} HTTP/1.1\r\nHost: bench.example\r\n\r\n`;
  }

  async open(): Promise<void> {
    while (this.#lines.length < CONNECTIONS) {
      let line: Line | null = null;
      const socket = await Bun.connect<undefined>({
        hostname: "127.0.0.1",
        port: this.#port,
        socket: {
          data(_, bytes) {
            const found = /X-Fairlead-Version: (\d+)/.exec(bytes.toString("latin1"));
            if (found === null || line === null) return;
            line.version = Number(found[1]);
            line.told?.();
          },
        },
      });
      line = { socket, version: 0, told: null };
      this.#lines.push(line);
    }
  }

  /** Resolves when every connection has been answered by `version` in one round. Throws Error after 30 s. */
  async reached(version: number): Promise<void> {
    for (const end = performance.now() + LIMIT_MS; performance.now() < end; await Bun.sleep(PAUSE_MS)) {
      await Promise.all(this.#lines.map((line) => this.#ask(line)));
      if (this.#lines.every((line) => line.version === version)) return;
    }
    throw new Error(`version ${version} does not act everywhere`);
  }

  #ask(line: Line): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    line.told = resolve;
    line.socket.write(this.#request);
    return promise;
  }

  close(): void {
    for (const { socket } of this.#lines) socket.terminate();
  }
}
