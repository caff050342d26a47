/** What a range of samples looks like in so many columns: for each the least and the greatest value. */
export interface Columns {
  /** Index of the first sample of each column, and one past the last. */
  starts: Float64Array
  min: Float32Array
  max: Float32Array
}

/**
 * Reduces the samples [from, to) to columns whose extremes are the samples'
 * own, so that no spike is lost at any zoom. NaN is left out; a column of
 * nothing else is NaN. A scan of all samples of a view costs less than drawing
 * it, up to millions, so there is no cache.
 */
export function decimate(values: Float32Array, from: number, to: number, columns: number): Columns {
  const [a, b] = [Math.max(0, Math.floor(from)), Math.min(values.length, Math.ceil(to))]
  const n = Math.max(0, Math.min(Math.floor(columns), b - a))
  const out = { starts: new Float64Array(n + 1), min: new Float32Array(n).fill(NaN), max: new Float32Array(n).fill(NaN) }
  out.starts[n] = b
  for (let c = 0; c < n; c++) {
    const first = a + Math.floor(((b - a) * c) / n)
    const end = a + Math.floor(((b - a) * (c + 1)) / n)
    out.starts[c] = first
    let [min, max] = [Infinity, -Infinity]
    for (let i = first; i < end; i++) {
      const v = values[i]!
      if (v < min) min = v
      if (v > max) max = v
    }
    if (min <= max) [out.min[c], out.max[c]] = [min, max]
  }
  return out
}

/**
 * The samples of a view as points of a line: each sample where there is room,
 * else two per column, the extreme that comes first before the other.
 */
export function linePoints(values: Float32Array, from: number, to: number, columns: number): { at: number[]; value: (number | null)[] } {
  const [a, b] = [Math.max(0, Math.floor(from)), Math.min(values.length, Math.ceil(to))]
  const at: number[] = []
  const value: (number | null)[] = []
  const add = (i: number, v: number) => (at.push(i), value.push(Number.isNaN(v) ? null : v))
  if (b - a <= 2 * columns) {
    for (let i = a; i < b; i++) add(i, values[i]!)
    return { at, value }
  }
  const { starts, min, max } = decimate(values, a, b, columns)
  for (let c = 0; c < min.length; c++) {
    const [first, end] = [starts[c]!, starts[c + 1]!]
    const [lo, hi] = [min[c]!, max[c]!]
    const rising = values.subarray(first, end).indexOf(lo) <= values.subarray(first, end).indexOf(hi)
    add(first, rising ? lo : hi)
    add(first + (end - first) / 2, rising ? hi : lo)
  }
  return { at, value }
}
