/** How much longer one piece of work takes than another, on a machine that does other things too. */

const WARM_UP = 20;
const MOST_ROUNDS = 400;
const LEAST_ROUNDS = 10;

/** CPU time of this process, in microseconds. */
function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/**
 * The ratio of the shortest times of both, which other work only lengthens: both are carried out in turn until it is at most `goal`, and
 * for so many rounds that one above it is not by chance.
 */
export function measuredRatio(one: () => void, other: () => void, goal: number): number {
  for (let round = 0; round < WARM_UP; round++) {
    one();
    other();
  }
  let [least, leastOther] = [Infinity, Infinity];
  for (let round = 1; round <= MOST_ROUNDS; round++) {
    const start = cpuTime();
    one();
    const middle = cpuTime();
    other();
    least = Math.min(least, middle - start);
    leastOther = Math.min(leastOther, cpuTime() - middle);
    if (round >= LEAST_ROUNDS && least / leastOther <= goal) break;
  }
  return least / leastOther;
}
