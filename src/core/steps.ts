/** Work that is done in steps, so that whoever has an event loop may serve it in between. */

/** Carries `work` out as a whole. Returns what it returns, and passes on what it throws. */
export function allSteps<Result>(work: Iterator<void, Result>): Result {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}
