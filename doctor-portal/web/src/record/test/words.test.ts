import { checkTexts, setLanguage } from '@medunion/ui'
import { afterEach, describe, expect, it } from 'vitest'
import { concept, systemName } from '../fhir/codes'
import { newestFirst, timing, when } from '../fhir/dates'
import { personName } from '../fhir/names'
import { value } from '../fhir/value'
import { dosage } from '../read/medication'
import { plainText } from '../read/narrative'
import { gravest, observation } from '../read/observation'
import { t } from '../texts'
import type { Observation } from '../types'
import { pretty } from '../views/Raw'
import { dosageWords } from '../words/dosage'
import { number } from '../words/number'
import { observationRanges, observationWords, valueWords } from '../words/value'
import { ago, date, timingWords } from '../words/when'

afterEach(() => setLanguage('en'))

it('has every text in both languages', () => {
  expect(checkTexts(t)).toEqual([])
})

describe('dates', () => {
  it.each([
    ['2019', '2019'],
    ['2019-03', 'Mar 2019'],
    ['2019-03-07', '7 Mar 2019'],
    ['2019-03-07T23:30:00-05:00', '7 Mar 2019, 23:30'],
    ['2019-03-07T00:10:00.123Z', '7 Mar 2019, 00:10'],
  ])('%s is %s', (written, words) => expect(date(when(written)!)).toBe(words))

  it.each(['2019-13', '2019-02-30', '19-03-07', 'yesterday', '2019-03-07T25:00:00Z', '', 7, null])('%s is no date', (written) => expect(when(written)).toBeUndefined())

  it('sorts by the point in time and not by what is written', () => {
    const [early, late] = [when('2019-03-07T23:30:00+10:00'), when('2019-03-07T20:00:00Z')]
    expect(newestFirst(early, late)).toBeGreaterThan(0)
    expect([undefined, when('1990')].sort(newestFirst)[0]).toBeDefined()
  })

  it('shows a date that is none as it was written', () => {
    expect(timingWords(timing({ onsetDateTime: '2021-02-31' }, 'onset')!)).toBe('2021-02-31')
  })

  it('says ages and periods of an onset', () => {
    expect(timingWords(timing({ onsetAge: { value: 41, unit: 'a' } }, 'onset')!)).toBe('at the age of 41 years')
    expect(timingWords(timing({ onsetPeriod: { start: '2016-02', end: '2016-03' } }, 'onset')!)).toBe('Feb 2016 to Mar 2016')
    expect(ago(when('2024-11-20')!, Date.UTC(2026, 10, 20, 12))).toBe('2 years ago')
  })
})

describe('values', () => {
  it.each([
    [{ valueQuantity: { value: 161.93831017855118, unit: 'cm' } }, '161.9 cm'],
    [{ valueQuantity: { value: 7.405 } }, '7.405'],
    [{ valueQuantity: { value: 0.000012 } }, '0.000012'],
    [{ valueQuantity: { value: 5, comparator: '<', unit: 'mg/L' } }, '< 5 mg/L'],
    [{ valueQuantity: { value: 12, code: '%' } }, '12%'],
    [{ valueRange: { low: { value: 1, unit: 'g' }, high: { value: 2, unit: 'g' } } }, '1–2 g'],
    [{ valueRatio: { numerator: { value: 1 }, denominator: { value: 128 } } }, '1 / 128'],
    [{ valueCodeableConcept: { coding: [{ code: 'x', display: 'Positive' }] } }, 'Positive'],
    [{ valueBoolean: false }, 'No'],
    [{ valueString: 'clear' }, 'clear'],
    [{ valueDateTime: '2020-05' }, 'May 2020'],
    [{ valueSampledData: { origin: { value: 0 }, period: 10, dimensions: 1, data: '1 2 3 4' } }, 'recording of 4 samples, 0 s'],
    [{ valueAttachment: {} }, 'value of type Attachment, see details'],
  ])('%j is %s', (o, words) => expect(valueWords(value(o)!)).toBe(words))

  it('writes numbers as the language does', () => {
    setLanguage('es')
    expect(number(1234.5)).toBe('1234,5')
  })

  const pressure = {
    code: { text: 'Blood pressure' },
    component: [
      { code: { coding: [{ code: '8462-4', display: 'Diastolic' }] }, valueQuantity: { value: 98, unit: 'mmHg' }, referenceRange: [{ high: { value: 90, unit: 'mmHg' } }] },
      { code: { coding: [{ code: '8480-6', display: 'Systolic' }] }, valueQuantity: { value: 162, unit: 'mmHg' }, referenceRange: [{ high: { value: 140, unit: 'mmHg' } }] },
    ],
  }

  it('shows a blood pressure as one value with one range, and judges both', () => {
    const o = observation(pressure).facts as Observation
    expect(observationWords(o)).toBe('162/98 mmHg')
    expect(observationRanges(o)).toEqual(['≤ 140 / ≤ 90 mmHg'])
    expect(o.components.map((c) => c.flags)).toEqual([['high'], ['high']])
  })

  const judged = (o: Record<string, unknown>) => gravest((observation(o).facts as Observation).flags)

  it('judges by the hospital first, then by its range, and not at all across units', () => {
    const range = { referenceRange: [{ low: { value: 3.5, unit: 'mmol/L' }, high: { value: 5.1, unit: 'mmol/L' } }] }
    expect(judged({ valueQuantity: { value: 6, unit: 'mmol/L' }, ...range })).toBe('high')
    expect(judged({ valueQuantity: { value: 4, unit: 'mmol/L' }, ...range })).toBe('normal')
    expect(judged({ valueQuantity: { value: 6, unit: 'mmol/L' }, ...range, interpretation: [{ coding: [{ code: 'N' }] }] })).toBe('normal')
    expect(judged({ valueQuantity: { value: 6, unit: 'mg/dL' }, ...range })).toBeUndefined()
    expect(judged({ valueQuantity: { value: 6, comparator: '<', unit: 'mmol/L' }, ...range })).toBeUndefined()
    expect(judged({ valueQuantity: { value: 6 }, interpretation: [{ coding: [{ code: 'HH' }, { code: 'H' }] }] })).toBe('critical-high')
    expect(judged({ valueString: 'seen', interpretation: [{ coding: [{ code: 'POS' }] }] })).toBeUndefined()
  })

  it('says why a value is absent', () => {
    expect(observationWords(observation({ dataAbsentReason: { coding: [{ code: 'asked-declined' }] } }).facts as Observation)).toBe('declined to answer')
  })
})

describe('dosages', () => {
  const words = (o: Record<string, unknown>) => dosageWords(dosage(o))
  const every = (repeat: Record<string, unknown>) => words({ timing: { repeat } })

  it.each([
    [{ frequency: 1, period: 1, periodUnit: 'd' }, 'Once a day'],
    [{ frequency: 2, period: 1, periodUnit: 'd' }, 'Twice a day'],
    [{ frequency: 3, period: 1, periodUnit: 'd' }, '3 times a day'],
    [{ frequency: 1, period: 8, periodUnit: 'h' }, 'Every 8 hours'],
    [{ frequency: 1, period: 1, periodUnit: 'wk' }, 'Every week'],
    [{ frequency: 1, frequencyMax: 2, period: 4, periodUnit: 'h' }, '1–2 times in 4 hours'],
    [{ frequency: 1, period: 1, periodUnit: 'd', when: ['HS'], boundsDuration: { value: 5, code: 'd' } }, 'Once a day, before sleep, for 5 days'],
    [{ dayOfWeek: ['mon', 'thu'], timeOfDay: ['08:00:00'] }, '08:00, Monday, Thursday'],
  ])('%j is %s', (repeat, said) => expect(every(repeat)).toBe(said))

  it('puts all parts together', () => {
    const all = {
      doseAndRate: [{ doseQuantity: { value: 2, unit: 'puffs' } }], timing: { code: { coding: [{ code: 'BID' }] } }, route: { text: 'inhaled' },
      asNeededCodeableConcept: { text: 'wheezing' }, maxDosePerPeriod: { numerator: { value: 8, unit: 'puffs' }, denominator: { value: 1, unit: 'd' } },
    }
    expect(words(all)).toBe('2 puffs, twice a day, inhaled, as needed for wheezing, at most 8 puffs per day')
    setLanguage('es')
    expect(words(all)).toBe('2 puffs, dos veces al día, inhaled, si precisa por wheezing, como máximo 8 puffs por día')
  })

  it('prefers the hospital’s own sentence, and survives nonsense', () => {
    expect(words({ text: 'As directed', asNeededBoolean: true })).toBe('As directed')
    expect(every({ frequency: 1e308, period: -1, periodUnit: 'constructor' })).toBe('')
  })
})

describe('codes and names', () => {
  it('prefers text, then the display that a person chose, then any display, then the code', () => {
    expect(concept({ text: 'a', coding: [{ display: 'b' }] })?.text).toBe('a')
    expect(concept({ coding: [{ display: 'b' }, { display: 'c', userSelected: true }] })?.text).toBe('c')
    expect(concept({ coding: [{ code: '1' }, { display: 'b' }] })?.text).toBe('b')
    expect(concept({ coding: [{ code: '1' }] })).toMatchObject({ text: '1', bare: true })
    expect(concept({ coding: [] })).toBeUndefined()
  })

  it('leaves out SNOMED CT’s semantic tag, and only that', () => {
    const of = (system: string) => concept({ coding: [{ system, code: '1', display: 'Asthma (disorder)' }] })?.text
    expect(of('http://snomed.info/sct')).toBe('Asthma')
    expect(of('http://loinc.org')).toBe('Asthma (disorder)')
  })

  it('names code systems', () => {
    expect([systemName('http://loinc.org'), systemName('http://terminology.hl7.org/CodeSystem/v3-ActCode'), systemName('urn:oid:1.2')]).toEqual(['LOINC', 'HL7 v3-ActCode', 'urn:oid:1.2'])
  })

  it('calls a person by the official name, not by an old one', () => {
    expect(personName([{ use: 'maiden', family: 'Berg' }, { family: 'Wallin', given: ['Kirsten'] }])).toBe('Kirsten Wallin')
    expect(personName([{ use: 'old', text: 'X' }, { use: 'official', prefix: ['Dr'], family: 'Y' }])).toBe('Dr Y')
    expect(personName('Wallin')).toBeUndefined()
  })
})

describe('narrative', () => {
  it('is read in no time, however many scripts never end', () => {
    const began = performance.now()
    expect(plainText('<div>Seen.' + '<script>'.repeat(24_000))).toBe('Seen.')
    expect(performance.now() - began).toBeLessThan(500)
  })

  it.each([
    ['<div><p>One</p><p>Two &amp; three</p></div>', 'One\nTwo & three'],
    ['<div>a<script>alert(1)</script>b</div>', 'ab'],
    ['<div>a<scr<script></script>ipt>b', 'ab'],
    ['<table><tr><td>K</td><td>6.4</td></tr></table>', 'K\t6.4'],
    ['&lt;b&gt;&#x202e;&#0;', '<b>\u202e'],
    [42, undefined],
    ['<div> </div>', undefined],
  ])('%s', (div, text) => expect(plainText(div)).toBe(text))
})

describe('raw resource', () => {
  it('writes invisible characters as escapes, which mean the same', () => {
    const raw = '{"a":"x\\u202ey\u202ez"}'
    expect(pretty(raw)).toContain('x\\u202ey\\u202ez')
    expect(JSON.parse(pretty(raw))).toEqual(JSON.parse(raw))
  })
  it('shows what is no JSON as it is', () => expect(pretty('[1,2')).toBe('[1,2'))
})
