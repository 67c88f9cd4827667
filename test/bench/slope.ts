/** A measurement: what was found where. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/**
 * The straight line that fits best by least squares.
 *
 * @returns undefined where the points do not say: fewer than two, or all at one place
 */
export function fitLine(points: readonly Point[]): { readonly slope: number; readonly base: number } | undefined {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const middleX = mean(points.map(({ x }) => x));
  const middleY = mean(points.map(({ y }) => y));
  let products = 0;
  let squares = 0;
  for (const { x, y } of points) {
    products += (x - middleX) * (y - middleY);
    squares += (x - middleX) ** 2;
  }
  if (points.length < 2 || squares === 0) return undefined;
  const slope = products / squares;
  return { slope, base: middleY - slope * middleX };
}
