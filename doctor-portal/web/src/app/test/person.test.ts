import { describe, expect, it } from 'vitest'
import { hasMeasurements, selfStated } from '../person.ts'
import { strength } from '../strength.ts'

const bundle = (...resources: unknown[]) => JSON.stringify({ resourceType: 'Bundle', type: 'collection', entry: resources.map((resource) => ({ resource })) })

describe('selfStated', () => {
  it('reads name, birth date and sex', () => {
    const signals = bundle({ resourceType: 'Patient', name: [{ use: 'usual', text: 'Kiki' }, { use: 'official', given: ['Kirsten', 'Ann'], family: 'Weiß' }], birthDate: '1972-03-01', gender: 'female' })
    expect(selfStated(signals)).toEqual({ name: 'Kirsten Ann Weiß', birthDate: '1972-03-01', gender: 'female' })
  })

  it.each(['', 'null', '[]', '{"entry":5}', '{"entry":[null,{"resource":7}]}', bundle({ resourceType: 'Observation' })])('finds nobody in %s', (s) => {
    expect(selfStated(s)).toBeUndefined()
  })

  it('takes nothing that is not text, and no more than fits', () => {
    const p = selfStated(bundle({ resourceType: 'Patient', name: [{ text: 'x'.repeat(5000), family: 3 }], birthDate: 19720301, gender: {} }))
    expect(p?.name).toHaveLength(200)
    expect(p?.birthDate).toBeUndefined()
    expect(p?.gender).toBeUndefined()
  })

  it('tells whether there are measurements', () => {
    expect(hasMeasurements(bundle({ resourceType: 'Patient' }))).toBe(false)
    expect(hasMeasurements(bundle({ resourceType: 'Patient' }, { resourceType: 'Observation' }))).toBe(true)
  })
})

describe('strength', () => {
  it.each([
    ['', 'short'], ['elevenchars', 'short'], ['aaaaaaaaaaaaaaaaaaaaaaaa', 'weak'], ['password1234', 'weak'],
    ['tall green ladder sings', 'fair'], ['horse horse horse horse', 'weak'], ['four words are fair', 'fair'], ['correct-horse-battery-staple-again', 'good'],
  ])('calls %s %s', (p, s) => expect(strength(p)).toBe(s))
})
