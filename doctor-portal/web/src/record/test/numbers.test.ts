import { setLanguage } from '@medunion/ui'
import { afterEach, describe, expect, it } from 'vitest'
import { digits, num, obj, parse, written } from '../fhir/json'
import { value } from '../fhir/value'
import { observation } from '../read/observation'
import type { Observation } from '../types'
import { pretty } from '../views/Raw'
import { observationRanges, observationWords, valueWords } from '../words/value'

afterEach(() => setLanguage('en'))

const read = (json: string) => obj(parse(json))!
const words = (n: string) => valueWords(value(read(`{"valueQuantity":{"value":${n},"unit":"mmol/L"}}`))!)

describe('the digits that a hospital wrote', () => {
  it.each([
    ['7.0', '7.0 mmol/L'],
    ['7', '7 mmol/L'],
    ['7.10', '7.10 mmol/L'],
    ['-0.50', '-0.50 mmol/L'],
    ['0.00', '0.00 mmol/L'],
    ['0.0000120', '0.0000120 mmol/L'],
    ['1.5e3', '1500 mmol/L'],
    ['1.50E-2', '0.0150 mmol/L'],
    ['120.0000', '120.0000 mmol/L'],
    ['161.93831017855118', '161.9 mmol/L'],
    ['27.9000000010', '27.90 mmol/L'],
    ['12345.6000000', '12,346 mmol/L'],
    ['1e-11', '0.00000000001 mmol/L'],
    ['1.0e-30', `0.${'0'.repeat(29)}1000 mmol/L`],
  ])('%s is %s', (n, said) => expect(words(n)).toBe(said))

  it('stand with the sign of the language', () => {
    setLanguage('es')
    expect(words('7.0')).toBe('7,0 mmol/L')
  })

  it('stand in components, ratios, ranges and reference ranges', () => {
    const o = observation(read(`{"code":{"text":"Potassium"},"valueQuantity":{"value":4.0,"unit":"mmol/L"},
      "referenceRange":[{"low":{"value":3.50,"unit":"mmol/L"},"high":{"value":5.0,"unit":"mmol/L"}}]}`)).facts as Observation
    expect(observationWords(o)).toBe('4.0 mmol/L')
    expect(observationRanges(o)).toEqual(['3.50–5.0 mmol/L'])
    expect(o.flags).toEqual(['normal'])
    const pressure = read(`{"component":[{"code":{"coding":[{"code":"8480-6"}]},"valueQuantity":{"value":162.0,"unit":"mmHg"}},
      {"code":{"coding":[{"code":"8462-4"}]},"valueQuantity":{"value":98.0,"unit":"mmHg"}}]}`)
    expect(observationWords(observation(pressure).facts as Observation)).toBe('162.0/98.0 mmHg')
    expect(valueWords(value(read('{"valueRange":{"low":{"value":1.0},"high":{"value":2.0}}}'))!)).toBe('1.0–2.0')
    expect(valueWords(value(read('{"valueRatio":{"numerator":{"value":1.0},"denominator":{"value":128}}}'))!)).toBe('1.0 / 128')
  })

  it('are numbers all the same', () => {
    const o = read('{"a":7.0,"b":7.5,"c":1e400,"d":123456789012345678901234567890}')
    expect([num(o['a']), num(o['b']), num(o['c'])]).toEqual([7, 7.5, undefined])
    expect([written(o['a']), written(o['b'])]).toEqual(['7.0', undefined])
    expect([digits(o['a']), digits(o['b']), digits(o['x'])]).toEqual(['7.0', '7.5', undefined])
    expect(obj(o['a'])).toBeUndefined()
  })
})

describe('reading JSON', () => {
  it('knows a number from a text that looks like one, and leaves both as they are', () => {
    const json = '{"at":"T10:11.120","n":[1.0, -2.50 ,3e1],"url":"http://x/4.0,","nested":{"deep":[{"q":0.10}]}}'
    expect(JSON.parse(JSON.stringify(parse(json), (_, v: unknown) => digits(v) ?? v))).toEqual(
      { at: 'T10:11.120', n: ['1.0', '-2.50', '3e1'], url: 'http://x/4.0,', nested: { deep: [{ q: '0.10' }] } })
  })

  it('takes what any browser takes, and nothing else', () => {
    expect(obj(parse('{"a":1.0,"a":2.0}'))).toEqual({ a: 2 })
    const own = obj(parse('{"__proto__":{"harm":true},"n":1.0}'))!
    expect(Object.getPrototypeOf(own)).toBe(Object.prototype)
    expect((own as { harm?: boolean }).harm).toBeUndefined()
    const deep = 100_000
    expect(parse(`${'['.repeat(deep)}1.0${']'.repeat(deep)}`)).toBeDefined()
    for (const bad of ['', '{', '{"a":1.}', '{"a":01.0}', '{"a":1.0,}', "{'a':1.0}", '{"a":1.0} x']) expect(parse(bad)).toBeUndefined()
  })

  it('does not take an object for a number because it says so', () => {
    const o = read('{"n":1.0,"valueQuantity":{"value":{"isLosslessNumber":true,"value":"9"}}}')
    expect(value(o)).toEqual({ kind: 'unknown', type: 'Quantity' })
  })
})

describe('the raw resource', () => {
  it('is set in lines with nothing of it changed', () => {
    const raw = '{"a":[1.0,{"b":"x, \\"y\\": {z}\\\\"}],"empty":{},"none":[ ],"e":1.50E+2,"t":true,"n":null}'
    expect(pretty(raw)).toBe(`{
  "a": [
    1.0,
    {
      "b": "x, \\"y\\": {z}\\\\"
    }
  ],
  "empty": {},
  "none": [],
  "e": 1.50E+2,
  "t": true,
  "n": null
}`)
    expect(pretty('7.0')).toBe('7.0')
  })

  it('may be large, or nested without sense', () => {
    const large = `{"data":"${'QUJD'.repeat(5_000_000)}"}`
    expect(pretty(large).length).toBe(large.length + 5)
    const deep = 20_000
    expect(pretty(`${'['.repeat(deep)}${']'.repeat(deep)}`).length).toBeLessThan(deep * 200)
  })
})
