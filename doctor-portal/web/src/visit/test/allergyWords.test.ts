import { expect, it } from 'vitest'
import type { HospitalProgress } from '../../app/practice.ts'
import { t } from '../../texts/index.ts'
import { allergyWords } from '../allergyWords.ts'

const scope = { departments: [], classes: [] }
const hospital = (receipt: number | undefined, withheld: string[] = []): HospitalProgress =>
  ({ hospital: 'h', state: receipt ? 'verified' : 'failed', resources: 0, ...(receipt && { receipt }), held: scope, withheld: { departments: [], classes: withheld } })
const facts = (noneKnown = false, n = 0) => ({ noneKnown, allergies: Array.from({ length: n }) as never })

it('knows nothing before a record is here', () => {
  expect(allergyWords(facts(), [])).toBe(t('banner.allergiesUnknown'))
  expect(allergyWords(facts(), [hospital(undefined)])).toBe(t('banner.allergiesUnknown'))
})

it('says none only of what was shared, and none known only if a hospital says so', () => {
  expect(allergyWords(facts(), [hospital(1)])).toBe(t('banner.allergiesNone'))
  expect(allergyWords(facts(true), [hospital(1)])).toBe(t('banner.allergiesNoneKnown'))
})

it('never hides that allergies were withheld or a hospital is missing', () => {
  const both = [hospital(1, ['ALLERGY']), hospital(undefined)]
  expect(allergyWords(facts(true), both)).toBe([t('banner.allergiesNone'), t('banner.allergiesWithheld'), t('banner.allergiesMissing', { count: 1 })].join('; '))
  expect(allergyWords(facts(false, 2), both)).toBe([t('banner.allergiesWithheld'), t('banner.allergiesMissing', { count: 1 })].join('; '))
  expect(allergyWords(facts(false, 2), [hospital(1)])).toBe('')
})
