import { describe, expect, it } from 'vitest'
import { contradictions, knownPerson } from '../identity.ts'
import { grouped } from '../statements.ts'

const source = { hospital: 'st-anna', signed: 1 }
const identity = (name?: string, born?: string) => ({ name, born: born === undefined ? undefined : { written: born }, identifiers: [], source, item: '1' })

describe('knownPerson', () => {
  it('prefers the hospital that says most', () => {
    const facts = { identities: [identity('K. Weiss'), identity('Kirsten Weiss', '1972-03-01')] as never }
    expect(knownPerson(facts)).toEqual({ person: { name: 'Kirsten Weiss', gender: undefined, birthDate: '1972-03-01' }, by: 'st-anna' })
    expect(knownPerson({ identities: [] })).toBeUndefined()
  })
})

describe('contradictions', () => {
  const known = { name: 'Mrs. Kirsten Ann Weiß-Núñez', birthDate: '1972-03-01', gender: 'female' }

  it('sees the same person in another order, without title, accents or middle name', () => {
    expect(contradictions({ name: 'nunez weiß kirsten', birthDate: '1972-03', gender: 'female' }, known)).toEqual([])
    expect(contradictions({}, known)).toEqual([])
    expect(contradictions(undefined, known)).toEqual([])
  })

  it('names each part that differs', () => {
    expect(contradictions({ name: 'Karin Weiß', birthDate: '1972-03-02', gender: 'male' }, known)).toEqual(['name', 'birthDate', 'gender'])
  })
})

describe('grouped', () => {
  const s = { name: 'sigma_L', signer: { role: 'patient' as const, id: 'p' }, covers: 'locator-consent', time: 5, verified: true }

  it('joins equal neighbours, and never a failed one with one that holds', () => {
    const all = grouped([s, s, { ...s, verified: false }, s, { ...s, time: 6 }])
    expect(all.map((g) => [g.count, g.verified, g.time])).toEqual([[2, true, 5], [1, false, 5], [1, true, 5], [1, true, 6]])
  })
})
