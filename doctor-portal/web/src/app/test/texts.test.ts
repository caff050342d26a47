import { checkTexts } from '@medunion/ui'
import { expect, it } from 'vitest'
import { asProblem, reasonWords, troubleWords } from '../problems.ts'
import { t } from '../../texts/index.ts'

it('has every text in every language, with the same params', () => expect(checkTexts(t)).toEqual([]))

it('has advice only for codes that it has words for', () => {
  const lonely = Object.keys(t.all.en).filter((k) => k.startsWith('code.') && k.endsWith('.do') && !Object.hasOwn(t.all.en, k.slice(0, -3)))
  expect(lonely).toEqual([])
})

it('tells a problem by its code, else by its kind, else as our own fault', () => {
  expect(troubleWords({ kind: 'refused', detail: '', code: 'wrong-opener' }).title).toBe(t('code.wrong-opener'))
  expect(troubleWords({ kind: 'refused', detail: '', code: 'never-heard-of' }).title).toBe(t('kind.refused'))
  expect(troubleWords(asProblem(new TypeError('x is undefined'))).title).toBe(t('kind.internal'))
  expect(troubleWords({ kind: 'internal', detail: '' }).advice).toBe(t('kind.internal.do'))
})

it('says what lies behind a reason, and an unknown one in its own words', () => {
  expect(reasonWords({ code: 'not-stored', says: '', because: 'hospital-silent' })).toBe(`${t('code.not-stored')} ${t('code.hospital-silent')}`)
  expect(reasonWords({ code: 'new-one', says: 'The moon is full.' })).toBe('The moon is full.')
})
