import { describe, expect, it } from 'vitest'
import { IdleClock, warning } from '../idle.ts'

const minute = 60_000

function clock(limit: number) {
  let now = 1_000_000
  return { idle: new IdleClock(limit, () => now), pass: (ms: number) => void (now += ms) }
}

describe('IdleClock', () => {
  it('warns one minute before the end and is over at it', () => {
    const { idle, pass } = clock(15 * minute)
    expect(idle.state()).toBe('active')
    pass(14 * minute - 1)
    expect(idle.state()).toBe('active')
    pass(1)
    expect(idle.state()).toBe('warned')
    expect(idle.left()).toBe(warning)
    pass(minute)
    expect(idle.state()).toBe('over')
    expect(idle.left()).toBe(0)
  })

  it('begins anew when the page is used', () => {
    const { idle, pass } = clock(15 * minute)
    pass(10 * minute)
    idle.touch()
    pass(10 * minute)
    expect(idle.state()).toBe('active')
  })

  it('takes no stray touch for an answer to the warning', () => {
    const { idle, pass } = clock(15 * minute)
    pass(14 * minute + 1)
    idle.touch()
    expect(idle.state()).toBe('warned')
    idle.stay()
    expect(idle.state()).toBe('active')
  })

  it('stays over after a sleep, whatever is touched then', () => {
    const { idle, pass } = clock(15 * minute)
    pass(8 * 60 * minute)
    idle.touch()
    idle.stay()
    expect(idle.state()).toBe('over')
  })

  it('leaves time before the warning when the limit is short', () => {
    const { idle, pass } = clock(minute)
    expect(idle.state()).toBe('active')
    pass(minute / 2)
    expect(idle.state()).toBe('warned')
  })
})
