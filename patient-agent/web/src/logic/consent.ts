import type { Consent, Visit } from '../api/types.ts'

export type ConsentState = 'on' | 'over' | 'stopped' | 'partly'

/** How a consent stands at a moment. A revocation that not everybody confirmed comes before its end. */
export function consentState(c: Consent, now: number): ConsentState {
  if (c.revoked === 'yes') return 'stopped'
  if (Date.parse(c.expires) <= now) return 'over'
  return c.revoked === 'partly' ? 'partly' : 'on'
}

/** Whether somebody may still look: what deserves her attention. */
export const inForce = (c: Consent, now: number) => ['on', 'partly'].includes(consentState(c, now))

const over: readonly Visit['state'][] = ['diagnosed', 'failed']

export const isOver = (v: Visit) => over.includes(v.state)

/** The visit that is going on; visits come newest first. */
export const running = (visits: readonly Visit[]) => visits.find((v) => !isOver(v))

/** A diagnosis that came within the last day. */
export function newest(visits: readonly Visit[], now: number): Visit | undefined {
  return visits.find((v) => v.state === 'diagnosed' && v.diagnosis !== undefined && now - Date.parse(v.updated) < 24 * 3600_000)
}

/** The last visit, if it broke off within the last day and can be begun again. */
export function broken(visits: readonly Visit[], now: number): Visit | undefined {
  const last = visits[0]
  const fresh = last !== undefined && now - Date.parse(last.updated) < 24 * 3600_000
  return fresh && last.state === 'failed' && last.repeatable ? last : undefined
}

export type StepState = 'done' | 'current' | 'waiting' | 'failed'

/** The five steps of a visit: asked, answered, shared, read, diagnosed. */
export function visitSteps(v: Visit): StepState[] {
  const reached = reachedStep(v)
  return [0, 1, 2, 3, 4].map((i) => {
    if (i < reached || v.state === 'diagnosed') return 'done'
    if (i > reached) return 'waiting'
    return v.state === 'failed' ? 'failed' : 'current'
  })
}

// The step that is under way, or at which it failed.
function reachedStep(v: Visit): number {
  const wrote = v.activity.some((a) => a.code === 'written')
  const read = v.activity.some((a) => a.code === 'released')
  switch (v.state) {
    case 'waiting':
      return 1
    case 'verified':
      return 2
    case 'shared':
      return wrote || read ? 4 : 3
    case 'diagnosed':
      return 5
    case 'failed':
      return v.shared ? (read || wrote ? 4 : 3) : v.code === 'request-not-taken' ? 0 : ['consent-not-given', 'not-stored'].includes(v.code) ? 2 : 1
  }
}
