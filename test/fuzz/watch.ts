/**
 * A thread that watches the fuzzer: an input that never comes back blocks the thread it runs on, so only another one can
 * tell which input it was. After 20 s it writes that input to the corpus and kills the process.
 */
import { mkdirSync, writeFileSync, writeSync } from "node:fs";
import { isMainThread, parentPort, workerData, Worker } from "node:worker_threads";

const HANG_MS = 20_000;
const MAX_BYTES = 1 << 20;

export interface Watch {
  enter(bytes: Uint8Array): void;
  leave(): void;
  stop(): void;
}

interface Shared {
  readonly memory: SharedArrayBuffer;
  readonly folder: string | null;
  readonly hangMs: number;
}

/** `folder`: where the input of a hang is written; null = only its text is printed. */
export async function startWatch(folder: string | null, hangMs: number = HANG_MS): Promise<Watch> {
  const memory = new SharedArrayBuffer(8 + MAX_BYTES);
  // [runs begun, length + 1 of the input under way or 0]
  const state = new Int32Array(memory, 0, 2);
  const bytesInUse = new Uint8Array(memory, 8);
  const thread = new Worker(new URL(import.meta.url), {
    workerData: { memory, folder, hangMs } satisfies Shared,
  });
  await new Promise<void>((resolve, reject) => {
    thread.once("message", () => resolve());
    thread.once("error", reject);
  });
  thread.unref();
  return {
    enter(bytes) {
      const part = bytes.length <= MAX_BYTES ? bytes : bytes.subarray(0, MAX_BYTES);
      bytesInUse.set(part);
      Atomics.store(state, 1, part.length + 1);
      Atomics.add(state, 0, 1);
    },
    leave() {
      Atomics.store(state, 1, 0);
    },
    stop() {
      void thread.terminate();
    },
  };
}

function watchFromThread({ memory, folder, hangMs }: Shared): void {
  const state = new Int32Array(memory, 0, 2);
  let run = -1;
  let since = performance.now();
  setInterval(() => {
    const length = Atomics.load(state, 1);
    if (length === 0 || Atomics.load(state, 0) !== run) {
      run = Atomics.load(state, 0);
      since = performance.now();
      return;
    }
    if (performance.now() - since < hangMs) return;
    reportHang(new Uint8Array(memory, 8, length - 1).slice(), folder);
  }, hangMs / 40);
  parentPort!.postMessage("watching");
}

function reportHang(bytes: Uint8Array, folder: string | null): void {
  let place = JSON.stringify(Buffer.from(bytes).toString("latin1").slice(0, 200));
  if (folder !== null) {
    mkdirSync(folder, { recursive: true });
    place = `${folder}/hang-${Bun.hash(bytes).toString(16)}`;
    writeFileSync(place, bytes);
  }
  // Not by console: its lines pass through the main thread, which is blocked.
  writeSync(2, `fuzz: an input never came back: ${place}\n`);
  process.kill(process.pid, "SIGKILL");
}

if (!isMainThread && (workerData as Shared | null)?.memory instanceof SharedArrayBuffer)
  watchFromThread(workerData as Shared);
