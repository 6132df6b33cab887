/**
 * How much of a pool's traffic each of its zones gets: the nearest one all of it while it can take it, then the next.
 *
 * @param serving For each zone, nearest first, the share of its weight that may serve now, 0 to 1.
 * @param spillBelow The share of its weight with which a zone can still take everything, 0 to 1 (0 = any part of it can):
 *   with less, it takes so much less in proportion, and the rest goes to the next zone.
 *
 * The model is that of Envoy's priority levels, whose overprovisioning factor is 1 / `spillBelow`: where all zones together
 * cannot take everything, they share it by what they can take. The shares add up to 1, or to 0 when nobody serves.
 */
export function zoneShares(serving: readonly number[], spillBelow: number): number[] {
  const capacities = serving.map((share) => (share === 0 ? 0 : share >= spillBelow ? 1 : share / spillBelow));
  const total = capacities.reduce((sum, capacity) => sum + capacity, 0);
  if (total === 0) return serving.map(() => 0);
  let left = 1;
  return capacities.map((capacity) => {
    const share = Math.min(left, total < 1 ? capacity / total : capacity);
    left = Math.max(0, left - share);
    return share;
  });
}
