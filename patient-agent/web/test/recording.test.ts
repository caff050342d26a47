import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { guess, ready, recordingOf, toSignals } from '../src/logic/recording.ts'

const file = (name: string) => readFileSync(`../../deploy/local/testdata/signals/${name}`, 'utf8')

test('an ECG with a time column tells its kind and rate', () => {
  expect(guess(file('mitdb-100-60s-360hz.csv'))).toEqual({ kind: 'ecg', hz: '360' })
})

test('a ring’s bare column is a pulse wave whose rate must be asked for', () => {
  const r = recordingOf(1, 'ring_data.csv', file('ring_data.csv'))!
  expect(r).toMatchObject({ format: 'csv', kind: 'ppg' })
  expect(ready(r)).toBe(false)
  expect(ready({ ...r, hz: '117' })).toBe(true)
  for (const hz of ['', '0', '-1', 'x', '1e3', '1.']) expect(ready({ ...r, hz }), hz).toBe(false)
})

test('heart rates and milliseconds are recognised', () => {
  expect(guess('time_ms,hr_bpm\n0,60\n1000,61\n2000,62\n3000,61\n')).toEqual({ kind: 'heart-rate', hz: '1' })
})

test('a FHIR file is passed on as it is; other files are not taken', () => {
  const r = recordingOf(2, 'watch.JSON', '{"resourceType":"Observation"}')!
  expect(toSignals(r)).toEqual({ fhir: { resourceType: 'Observation' } })
  expect(recordingOf(3, 'photo.png', 'x')).toBeUndefined()
})

test('what is sent of a CSV file is what she said of it', () => {
  const r = { ...recordingOf(4, 'a.csv', '1\n2\n')!, hz: '50', start: '2026-11-20T10:00:00.000Z' }
  expect(toSignals(r)).toEqual({ csv: '1\n2\n', name: 'a.csv', kind: 'ppg', hz: '50', start: '2026-11-20T10:00:00.000Z' })
})
