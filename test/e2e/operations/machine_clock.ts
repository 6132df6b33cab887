/** Milliseconds on a clock that all processes of the test read alike and that never goes back within one of them. */
export function machineNow(): number {
  return performance.timeOrigin + performance.now();
}
