import { readFileSync } from 'node:fs'
import { beforeEach, describe, expect, test } from 'vitest'
import { setLanguage } from '../src/language.ts'
import { decimate, linePoints } from '../src/signals/decimate.ts'
import { lanes, shownSeconds } from '../src/signals/ecg.ts'
import { moved, zoomed } from '../src/signals/range.ts'
import { readSignals, seconds } from '../src/signals/read.ts'
import { describePoints, describeSignal, formatElapsed, outside } from '../src/signals/words.ts'

beforeEach(() => setLanguage('en'))

const mdc = 'urn:iso:std:iso:11073:10101'
const sampled = (data: string, more: object = {}) => ({ origin: { value: 0, unit: 'mV' }, period: 4, dimensions: 1, data, ...more })
const observation = (more: object) => ({ resourceType: 'Observation', status: 'final', code: { coding: [{ system: mdc, code: '150452', display: 'MDC_PULS_OXIM_PLETH' }], text: 'Photoplethysmogram' }, ...more })
const only = (more: object) => readSignals(observation(more)).observations[0]!

describe('SampledData', () => {
  test('value = origin + factor * sample', () => {
    const s = only({ valueSampledData: sampled('0 1 -2.5 1e2', { origin: { value: 10, unit: 'mV' }, factor: 0.5 }) })
    expect([...s.values]).toEqual([10, 10.5, 8.75, 60])
    expect(s.range).toEqual({ min: 8.75, max: 60 })
  })

  test('any white space separates samples', () => expect([...only({ valueSampledData: sampled('  1 2\n3\t4  ') }).values]).toEqual([1, 2, 3, 4]))

  test('the factor is 1 where none is written', () => expect([...only({ valueSampledData: sampled('3') }).values]).toEqual([3]))

  test('E, L and U are no values, and counted', () => {
    const s = only({ valueSampledData: sampled('1 E L 2 U U', { lowerLimit: -5, upperLimit: 5 }) })
    expect([...s.values]).toEqual([1, NaN, NaN, 2, NaN, NaN])
    expect(s.gaps).toEqual({ missing: 1, below: 1, above: 2 })
  })

  test('a recording of errors has no range', () => expect(only({ valueSampledData: sampled('E E') }).range).toBeUndefined())

  test('the period is in milliseconds; one that rounds a whole rate gives that rate', () => {
    expect(only({ valueSampledData: sampled('1', { period: 4 }) }).hz).toBe(250)
    expect(only({ valueSampledData: sampled('1', { period: 2.777777777778 }) }).hz).toBe(360)
    expect(only({ valueSampledData: sampled('1', { period: 31.25 }) }).hz).toBe(32)
    expect(only({ valueSampledData: sampled('1', { period: 60000 }) }).hz).toBeCloseTo(1 / 60, 12)
  })

  test('dimensions are interleaved', () => {
    const { observations } = readSignals(observation({ valueSampledData: sampled('1 10 2 20 3 30', { dimensions: 2 }) }))
    expect(observations.map((s) => [...s.values])).toEqual([[1, 2, 3], [10, 20, 30]])
    expect(observations.map((s) => s.channel)).toEqual(['1', '2'])
  })

  test.each([
    ['badSample', sampled('1 x 2')],
    ['badSample', sampled('1 0x10')],
    ['badSample', sampled('1 NaN')],
    ['badPeriod', sampled('1', { period: 0 })],
    ['badPeriod', sampled('1', { period: '4' })],
    ['badDimensions', sampled('1 2 3', { dimensions: 2 })],
    ['badDimensions', sampled('1', { dimensions: 0 })],
    ['badOrigin', sampled('1', { origin: { value: 'x' } })],
    ['badFactor', sampled('1', { factor: '2' })],
    ['notSampledData', 'text'],
  ])('%s: the observation is told as unreadable', (code, valueSampledData) => {
    const found = readSignals({ resourceType: 'Bundle', entry: [{ resource: observation({ valueSampledData }) }, { resource: observation({ valueSampledData: sampled('7') }) }] })
    expect(found.unreadable).toMatchObject([{ entry: 0, code }])
    expect(found.observations).toMatchObject([{ entry: 1 }])
  })
})

test('absent data says why', () => {
  const s = only({ dataAbsentReason: { coding: [{ code: 'not-performed', display: 'Not performed' }] } })
  expect(s).toMatchObject({ absent: 'Not performed', hz: 0 })
  expect(describeSignal(s)).toBe('Photoplethysmogram: Not performed')
})

test('single quantities and their components, with the time', () => {
  const found = readSignals(
    observation({
      effectiveDateTime: '2026-11-20T09:12:00Z',
      component: [
        { code: { text: 'Systolic' }, valueQuantity: { value: 142, unit: 'mmHg' } },
        { code: { text: 'Diastolic' }, valueQuantity: { value: 88, code: 'mm[Hg]' } },
      ],
    }),
  )
  expect(found.quantities.map((q) => [q.name, q.value, q.unit, q.time])).toEqual([
    ['Systolic', 142, 'mmHg', Date.UTC(2026, 10, 20, 9, 12)],
    ['Diastolic', 88, 'mm[Hg]', Date.UTC(2026, 10, 20, 9, 12)],
  ])
})

test('what is neither bundle nor observation is refused', () => {
  for (const bad of ['[]', '{"resourceType":"Patient"}', 'null', '{']) expect(() => readSignals(bad)).toThrow()
})

test('odd entries do no harm', () => {
  expect(readSignals({ resourceType: 'Bundle' }).observations).toEqual([])
  expect(readSignals({ resourceType: 'Bundle', entry: [null, 1, {}, { resource: { resourceType: 'Patient' } }, { resource: { resourceType: 'Observation' } }] })).toMatchObject({ observations: [], unreadable: [] })
})

// The recordings of the local run, in the form in which the patient's agent sends them.
describe('real recordings', () => {
  const folder = new URL('../../../deploy/local/testdata/signals/', import.meta.url)
  const lines = (name: string) => readFileSync(new URL(name, folder), 'utf8').trim().split('\n')

  test('an ECG of two leads, 60 s at 360 Hz', () => {
    const rows = lines('mitdb-100-60s-360hz.csv').slice(1).map((l) => l.split(','))
    const lead = (i: number, code: object) => ({ code, valueSampledData: { origin: { value: 0, unit: 'mV' }, period: 2.777777777778, dimensions: 1, data: rows.map((r) => r[i]).join(' ') } })
    const code = { coding: [{ system: 'http://loinc.org', code: '11524-6', display: 'EKG study' }], text: 'Electrocardiogram' }
    const { observations, unreadable } = readSignals({ resourceType: 'Bundle', entry: [{ resource: { ...observation({}), code, component: [lead(1, { text: 'MLII' }), lead(2, { text: 'V5' })] } }] })
    expect(unreadable).toEqual([])
    expect(observations.map((s) => [s.kind, s.channel, s.hz, s.values.length, seconds(s)])).toEqual([
      ['ecg', 'MLII', 360, 21600, 60],
      ['ecg', 'V5', 360, 21600, 60],
    ])
    expect(observations[0]!.values[0]).toBeCloseTo(-0.145, 6)
    const highest = Math.max(...rows.map((r) => Number(r[1])))
    expect(observations[0]!.range!.max).toBe(highest)
    expect(lanes(observations).lanes).toHaveLength(2)
    expect(describeSignal(observations[0]!)).toMatch(/^Electrocardiogram, MLII: 1:00, 360 samples per second, -[\d.]+ to [\d.]+ mV$/)
  })

  test('a ring of 48 minutes, of which samples are missing', () => {
    const data = lines('ring_data.csv').map((l) => (l.trim() === '""' ? 'E' : l.trim())).join(' ')
    const s = only({ valueSampledData: { origin: { value: 0, unit: 'arbitrary unit' }, period: 31.25, dimensions: 1, data } })
    expect(s.kind).toBe('ppg')
    expect(s.values.length).toBe(91_987)
    expect(s.gaps.missing).toBe(3465)
    expect(describeSignal(s)).toContain('3,465 samples missing')
  })
})

describe('decimation', () => {
  const values = Float32Array.from({ length: 86_400 }, (_, i) => 70 + 10 * Math.sin(i / 900))
  values[41_234] = 188 // one sample among 86,400
  values[77_777] = 22
  values.fill(NaN, 1000, 1400)

  test.each([1, 7, 300, 1366])('keeps the extremes in %i columns', (n) => {
    const { min, max, starts } = decimate(values, 0, values.length, n)
    expect(Math.max(...max.filter((v) => !Number.isNaN(v)))).toBe(188)
    expect(Math.min(...min.filter((v) => !Number.isNaN(v)))).toBe(22)
    expect([starts[0], starts[n]]).toEqual([0, 86_400])
  })

  test('every column’s extremes are those of its samples', () => {
    const { min, max, starts } = decimate(values, 500, 60_000, 97)
    for (let c = 0; c < 97; c++) {
      const own = [...values.slice(starts[c], starts[c + 1])].filter((v) => !Number.isNaN(v))
      expect([min[c], max[c]]).toEqual(own.length ? [Math.min(...own), Math.max(...own)] : [NaN, NaN])
    }
  })

  test('a line of many samples has both extremes of a column in their order', () => {
    const { at, value } = linePoints(Float32Array.from([0, 5, 1, 1, 9, -3, 2, 2]), 0, 8, 2)
    expect(value).toEqual([0, 5, 9, -3])
    expect(at).toEqual([0, 2, 4, 6])
  })

  test('a line of few samples is the samples, with gaps', () => {
    expect(linePoints(Float32Array.from([1, NaN, 3]), -5, 99, 10)).toEqual({ at: [0, 1, 2], value: [1, null, 3] })
  })
})

test('moving and zooming stay inside the whole', () => {
  const whole = { from: 0, to: 100 }
  expect(moved({ from: 20, to: 30 }, -50, whole)).toEqual({ from: 0, to: 10 })
  expect(moved({ from: 20, to: 30 }, 500, whole)).toEqual({ from: 90, to: 100 })
  expect(zoomed({ from: 20, to: 40 }, 0.5, 25, whole, 1)).toEqual({ from: 22.5, to: 32.5 })
  expect(zoomed({ from: 20, to: 40 }, 100, 25, whole, 1)).toEqual(whole)
  expect(zoomed({ from: 20, to: 40 }, 0.0001, 30, whole, 1)).toEqual({ from: 29.5, to: 30.5 })
})

test('ECG paper: 25 mm/s in millimetres of the ruler', () => {
  const mm = 96 / 25.4
  expect(shownSeconds({ mm, speed: 25, gain: 10, width: (12 + 250) * mm })).toBeCloseTo(10, 9)
})

test('a lead in microvolts lies on the same paper; one without a voltage does not', () => {
  const s = (unit: string) => only({ valueSampledData: sampled('0 1000 -500', { origin: { value: 0, unit } }) })
  expect(lanes([s('uV')]).lanes[0]).toMatchObject({ toMilliVolt: 0.001, top: 1.5, bottom: -1 })
  expect(lanes([s('beats')]).others).toHaveLength(1)
})

test('places in a recording', () => {
  expect([0.345, 12.4, 65, 7384].map((s) => formatElapsed(s))).toEqual(['0.3 s', '12.4 s', '1:05', '2:03:04'])
})

test('values over time in words, with how many are outside', () => {
  const band = { low: 4, high: 6 }
  const points = [3.9, 5, 7].map((value, i) => ({ time: Date.UTC(2026, i, 10, 12), value }))
  expect(points.map((p) => outside(p.value, band))).toEqual(['low', undefined, 'high'])
  expect(describePoints('Glucose', points, 'mmol/L', band)).toBe('Glucose: 3 values, 10 Jan 2026 to 10 Mar 2026, 3.9 to 7 mmol/L, last 7 mmol/L on 10 Mar 2026, 2 outside of the reference range')
  setLanguage('es')
  expect(describePoints('Glucosa', points, 'mmol/L', band)).toContain('2 fuera del intervalo de referencia')
})
