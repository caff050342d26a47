import { beforeEach, describe, expect, test } from 'vitest'
import { formatAge, formatAgo, formatDate, formatDateTime, formatDuration, formatNumber, formatQuantity, formatUnit } from '../src/format.ts'
import { formatBytes } from '../src/components/files.tsx'
import { setLanguage } from '../src/language.ts'

beforeEach(() => setLanguage('en'))

test('dates show as much as is known, and never the day before', () => {
  expect(formatDate('1972')).toBe('1972')
  expect(formatDate('1972-03')).toBe('Mar 1972')
  expect(formatDate('1972-03-04')).toBe('4 Mar 1972')
  expect(formatDateTime('1972-03-04')).toBe('4 Mar 1972')
  expect(formatDateTime(new Date(2026, 10, 20, 14, 41))).toBe('20 Nov 2026, 14:41')
  expect(formatDate('soon')).toBe('soon')
})

test('dates in Spanish', () => {
  setLanguage('es')
  expect(formatDate('1972-03-04')).toBe('4 mar 1972')
  expect(formatDateTime(new Date(2026, 10, 20, 9, 5))).toBe('20 nov 2026, 09:05')
})

test('ages are years, months, weeks or days', () => {
  const at = '2026-11-20'
  expect(formatAge('1972-11-20', { at })).toBe('54 years')
  expect(formatAge('1972-11-21', { at })).toBe('53 years')
  expect(formatAge('2024-11-21', { at })).toBe('23 months')
  expect(formatAge('2026-10-10', { at })).toBe('5 weeks')
  expect(formatAge('2026-11-17', { at })).toBe('3 days')
  expect(formatAge('1972', { at })).toBe('54 years')
  expect(formatAge('2030-01-01', { at })).toBe('')
  setLanguage('es')
  expect(formatAge('1972-11-20', { at })).toBe('54 años')
})

test('how long ago', () => {
  const now = new Date(2026, 10, 20, 12)
  expect(formatAgo(new Date(2026, 10, 20, 11, 40), now)).toBe('20 minutes ago')
  expect(formatAgo('2026-11-19', now)).toBe('yesterday')
  expect(formatAgo('2026-11-20', now)).toBe('today')
  expect(formatAgo('2026-01-19', now)).toBe('10 months ago')
  expect(formatAgo('2020-11-20', now)).toBe('6 years ago')
  expect(formatAgo(new Date(2026, 10, 20, 14), now)).toBe('in 2 hours')
})

test('spans of time in at most two units', () => {
  expect(formatDuration(27 * 60_000)).toBe('27 mins')
  expect(formatDuration(80 * 60_000)).toBe('1 hr 20 mins')
  expect(formatDuration(86_400_000)).toBe('1 day')
  expect(formatDuration(0)).toBe('0 secs')
})

describe('numbers', () => {
  test('a decimal string keeps its digits', () => {
    expect(formatNumber('7.40')).toBe('7.40')
    expect(formatNumber('12345678901234567890.5')).toBe('12,345,678,901,234,567,890.5')
    setLanguage('es')
    expect(formatNumber('7.40')).toBe('7,40')
  })

  test('what is no number comes back or is a dash', () => {
    expect(formatNumber('abc')).toBe('abc')
    expect(formatNumber(NaN)).toBe('–')
  })

  test('a number shows what it is', () => {
    expect(formatNumber(0.1 + 0.2)).toBe('0.3')
    expect(formatNumber(1234.5)).toBe('1,234.5')
  })
})

test('quantities with comparator and unit', () => {
  expect(formatQuantity({ value: 7.4, unit: 'mmol/L' })).toBe('7.4 mmol/L')
  expect(formatQuantity({ value: 5, comparator: '<=', code: 'mg/dL' })).toBe('≤ 5 mg/dL')
  expect(formatQuantity({ value: 98, unit: '%' })).toBe('98%')
  expect(formatQuantity({})).toBe('')
})

test.each([
  ['mm[Hg]', 'mmHg'],
  ['Cel', '°C'],
  ['10*3/uL', '10³/µL'],
  ['kg/m2', 'kg/m²'],
  ['umol/L', 'µmol/L'],
  ['{beats}/min', '/min'],
  ['{score}', ''],
  ['[iU]/L', 'iU/L'],
  ['arbitrary unit', 'arbitrary unit'],
  ['beats/minute', '/min'],
  ['mL/min/{1.73_m2}', 'mL/min/1.73 m²'],
])('the unit %s reads %s', (code, reads) => expect(formatUnit(code)).toBe(reads))

test('sizes of files', () => {
  expect(formatBytes(3456)).toBe('3.46 kB')
  expect(formatBytes(12)).toBe('12 bytes')
  expect(formatBytes(5_000_000)).toBe('5 MB')
})
