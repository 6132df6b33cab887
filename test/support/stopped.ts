/** Waiting for full buffers: nothing moves any more. */

const LOOK_MS = 20;

/** Waits until a number, such as one of bytes, has stayed the same for `quietMs`, and returns it. */
export async function stopped(read: () => number, quietMs = 100): Promise<number> {
  for (let last = -1, quiet = 0; quiet * LOOK_MS < quietMs; quiet = last === read() ? quiet + 1 : 0) {
    last = read();
    await Bun.sleep(LOOK_MS);
  }
  return read();
}
