/**
 * The heights of many rows of which most are only estimated: sums before a row
 * and the row at a height in logarithmic time (a Fenwick tree).
 */
export class Heights {
  private readonly tree: Float64Array
  private readonly own: Float64Array

  constructor(
    readonly count: number,
    estimate: number,
  ) {
    this.own = new Float64Array(count).fill(estimate)
    this.tree = new Float64Array(count + 1)
    for (let i = 1; i <= count; i++) {
      this.tree[i]! += estimate
      const parent = i + (i & -i)
      if (parent <= count) this.tree[parent]! += this.tree[i]!
    }
  }

  /** Sets a row's measured height; tells whether it differs from before. */
  set(row: number, height: number): boolean {
    const change = height - this.own[row]!
    if (Math.abs(change) < 0.5) return false
    this.own[row] = height
    for (let i = row + 1; i <= this.count; i += i & -i) this.tree[i]! += change
    return true
  }

  /** The sum of the heights before a row. */
  before(row: number): number {
    let sum = 0
    for (let i = Math.min(row, this.count); i > 0; i -= i & -i) sum += this.tree[i]!
    return sum
  }

  get total(): number {
    return this.before(this.count)
  }

  /** The row at a distance from the top, within [0, count-1]. */
  at(distance: number): number {
    let [row, rest] = [0, distance]
    for (let step = 2 ** Math.floor(Math.log2(Math.max(1, this.count))); step > 0; step >>= 1) {
      const next = row + step
      if (next <= this.count && this.tree[next]! <= rest) {
        row = next
        rest -= this.tree[next]!
      }
    }
    return Math.max(0, Math.min(row, this.count - 1))
  }

  /** The rows [from, to) that a view shows, with some more at both ends. */
  window(top: number, height: number, more: number): [from: number, to: number] {
    if (this.count === 0) return [0, 0]
    const from = Math.max(0, this.at(top) - more)
    const to = Math.min(this.count, this.at(top + height) + 1 + more)
    return [from, to]
  }
}
