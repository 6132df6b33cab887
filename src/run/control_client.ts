/** Asks a running supervisor by its control socket. */
import { controlSocketPath } from "./runtime_directory.ts";

/** There is no supervisor to ask. */
export class NotRunningError extends Error {
  constructor(directory: string, why: string) {
    super(`no supervisor answers in runtime_dir ${directory} (${why})`);
    this.name = "NotRunningError";
  }
}

/** An answer: `ok` false comes with `error` or `problems`. */
export interface ControlAnswer {
  readonly ok: boolean;
  readonly [field: string]: unknown;
}

/**
 * Sends one request and resolves with its answer, however long that takes. Rejects with NotRunningError when nobody
 * listens, and with Error when the supervisor ends before it has answered.
 */
export async function askSupervisor(directory: string, request: object): Promise<ControlAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<ControlAnswer>();
  let received = "";
  // Characters may stand in two chunks.
  const decoder = new TextDecoder();
  try {
    await Bun.connect({
      unix: controlSocketPath(directory),
      socket: {
        open: (socket) => void socket.write(`${JSON.stringify(request)}\n`),
        data(socket, bytes) {
          received += decoder.decode(bytes, { stream: true });
          const end = received.indexOf("\n");
          if (end < 0) return;
          resolve(JSON.parse(received.slice(0, end)) as ControlAnswer);
          socket.end();
        },
        close: () => reject(new Error("the supervisor ended before it had answered")),
        error: (_, error) => reject(error),
      },
    });
  } catch (error) {
    throw new NotRunningError(directory, (error as { code?: string }).code ?? String(error));
  }
  return promise;
}
