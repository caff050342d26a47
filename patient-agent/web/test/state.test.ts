import { expect, test } from 'vitest'
import type { Consent, HospitalReleases, Release, Visit } from '../src/api/types.ts'
import { broken, consentState, inForce, newest, running, visitSteps } from '../src/logic/consent.ts'
import { byDay, under } from '../src/logic/seen.ts'

const now = Date.parse('2026-11-21T12:00:00Z')
const consent = (revoked: Consent['revoked'], expires: string) => ({ revoked, expires }) as Consent

test('a consent is in force until its end, or until everybody confirmed its revocation', () => {
  const later = '2026-11-22T00:00:00Z'
  expect(consentState(consent('no', later), now)).toBe('on')
  expect(consentState(consent('partly', later), now)).toBe('partly')
  expect(consentState(consent('yes', later), now)).toBe('stopped')
  expect(consentState(consent('partly', '2026-11-21T11:59:59Z'), now)).toBe('over')
  expect(inForce(consent('partly', later), now)).toBe(true)
  expect(inForce(consent('yes', later), now)).toBe(false)
})

const visit = (v: Partial<Visit>) => ({ state: 'waiting', code: '', shared: false, activity: [], updated: '2026-11-21T11:00:00Z', ...v }) as Visit
const released = { code: 'released', time: '' } as const

test('the steps of a visit follow its state', () => {
  expect(visitSteps(visit({}))).toEqual(['done', 'current', 'waiting', 'waiting', 'waiting'])
  expect(visitSteps(visit({ state: 'verified' }))).toEqual(['done', 'done', 'current', 'waiting', 'waiting'])
  expect(visitSteps(visit({ state: 'shared', shared: true }))).toEqual(['done', 'done', 'done', 'current', 'waiting'])
  expect(visitSteps(visit({ state: 'shared', shared: true, activity: [released] }))).toEqual(['done', 'done', 'done', 'done', 'current'])
  expect(visitSteps(visit({ state: 'diagnosed', shared: true }))).toEqual(Array(5).fill('done'))
})

test('a failure stands at the step that it stopped', () => {
  expect(visitSteps(visit({ state: 'failed', code: 'request-not-taken' }))).toEqual(['failed', 'waiting', 'waiting', 'waiting', 'waiting'])
  expect(visitSteps(visit({ state: 'failed', code: 'doctor-silent' }))[1]).toBe('failed')
  expect(visitSteps(visit({ state: 'failed', code: 'not-stored' }))[2]).toBe('failed')
  expect(visitSteps(visit({ state: 'failed', code: 'no-diagnosis', shared: true, activity: [released] }))).toEqual(['done', 'done', 'done', 'done', 'failed'])
})

test('home shows the visit that goes on, and a diagnosis for a day', () => {
  const done = visit({ state: 'diagnosed', diagnosis: 'd' })
  expect(running([done, visit({ state: 'shared' })])?.state).toBe('shared')
  expect(running([done])).toBeUndefined()
  expect(newest([done], now)).toBe(done)
  expect(newest([{ ...done, updated: '2026-11-20T11:00:00Z' }], now)).toBeUndefined()
})

test('a visit that broke off is offered again, unless something came after it', () => {
  const off = visit({ state: 'failed', repeatable: true })
  expect(broken([off], now)).toBe(off)
  expect(broken([visit({ state: 'diagnosed' }), off], now)).toBeUndefined()
  expect(broken([{ ...off, repeatable: false }], now)).toBeUndefined()
  expect(broken([{ ...off, updated: '2026-11-20T11:00:00Z' }], now)).toBeUndefined()
})

const release = (number: number, time: string, of: string) => ({ number, time, consent: of }) as Release

test('releases of all hospitals stand by day, the newest first', () => {
  const hospitals = [
    { hospital: 'a', releases: [release(1, '2026-11-19T10:00:00', 'x'), release(2, '2026-11-20T09:00:00', 'y')] },
    { hospital: 'b', releases: [release(1, '2026-11-20T11:00:00', 'x')] },
  ] as HospitalReleases[]
  expect(byDay(hospitals).map((d) => [d.day, d.seen.map((s) => `${s.hospital}${s.number}`)])).toEqual([
    ['2026-11-20', ['b1', 'a2']],
    ['2026-11-19', ['a1']],
  ])
  expect(under(hospitals, 'x').map((s) => s.hospital)).toEqual(['b', 'a'])
})
