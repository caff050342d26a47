/** How long before the lock the page warns. */
export const warning = 60_000

export type IdleState = 'active' | 'warned' | 'over'

/**
 * Measures how long nobody has used the page, by the wall clock: a computer that
 * slept over the end is locked when it wakes. While the warning stands, only
 * `stay` counts: a stray touch must not answer it.
 */
export class IdleClock {
  private last: number

  constructor(private readonly limit: number, private readonly now: () => number = () => Date.now()) {
    this.last = now()
  }

  /** Somebody used the page. */
  touch() {
    if (this.state() === 'active') this.last = this.now()
  }

  /** Somebody answered the warning. Past the end it comes too late. */
  stay() {
    if (this.state() !== 'over') this.last = this.now()
  }

  /** Milliseconds until the lock, never below 0. */
  left(): number {
    return Math.max(0, this.last + this.limit - this.now())
  }

  state(): IdleState {
    const left = this.left()
    if (left === 0) return 'over'
    return left <= Math.min(warning, this.limit / 2) ? 'warned' : 'active'
  }
}
