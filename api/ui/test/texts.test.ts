import { beforeEach, expect, test } from 'vitest'
import { setLanguage } from '../src/language.ts'
import { checkTexts, makeTexts } from '../src/texts.ts'
import { word } from '../src/words.ts'

const t = makeTexts({
  en: { plain: 'Hello', named: 'Hello {name}', found: { one: '{count} record of {of}', other: '{count} records of {of}' } },
  es: { plain: 'Hola', named: 'Hola {name}', found: { one: '{count} registro de {of}', other: '{count} registros de {of}' } },
})

beforeEach(() => setLanguage('en'))

test('puts params in, in the page’s language', () => {
  expect(t('named', { name: 'Ana' })).toBe('Hello Ana')
  setLanguage('es')
  expect(t('named', { name: 'Ana' })).toBe('Hola Ana')
})

test('chooses the plural form and writes numbers as the language does', () => {
  expect(t('found', { count: 1, of: 'Ana' })).toBe('1 record of Ana')
  expect(t('found', { count: 0, of: 'Ana' })).toBe('0 records of Ana')
  expect(t('found', { count: 12345, of: 'Ana' })).toBe('12,345 records of Ana')
  setLanguage('es')
  expect(t('found', { count: 1, of: 'Ana' })).toBe('1 registro de Ana')
  expect(t('found', { count: 12345, of: 'Ana' })).toBe('12.345 registros de Ana')
})

test('a param that looks like another is not replaced again', () => {
  expect(t('found', { count: 2, of: '{count}' })).toBe('2 records of {count}')
})

test('finds keys known at run time only, and never inherited names', () => {
  expect(t.find('plain')).toBe('Hello')
  expect(t.find('absent')).toBeUndefined()
  expect(t.find('toString')).toBeUndefined()
})

test('tells what is wrong with texts', () => {
  const bad = { all: { en: { a: 'x', b: '{n}', c: 'x', d: { other: 'x' } }, es: { a: ' ', b: '{m}', d: 'x', e: 'x' } } }
  expect(checkTexts(bad)).toEqual(['es: a: empty', 'es: b: params {m}, English has {n}', 'es: c: only in English', 'es: d: plural in one language only', 'es: e: only in es'])
})

test('the components’ own words are complete', () => expect(checkTexts(word)).toEqual([]))

test('the compiler asks for keys and params', () => {
  // @ts-expect-error no such key
  expect(t('absent')).toBe('absent')
  // @ts-expect-error a param is missing
  expect(t('named')).toBe('Hello {name}')
  // @ts-expect-error Spanish lacks a key
  makeTexts({ en: { a: 'x', b: 'y' }, es: { a: 'x' } })
})
