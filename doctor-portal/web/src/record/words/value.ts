import { normal, type Quantity, type Range, type Value } from '../fhir/value'
import { t } from '../texts'
import type { Component, Observation } from '../types'
import { amount, number } from './number'
import { date, spanWords } from './when'

export function valueWords(v: Value): string {
  switch (v.kind) {
    case 'quantity':
      return amount(v.quantity)
    case 'range':
      return between(v.low, v.high)
    case 'ratio':
      return [v.over, v.under].map((q) => (q ? amount(q) : '?')).join(' / ')
    case 'concept':
      return v.concept.text
    case 'text':
      return v.text
    case 'yes':
      return t(v.yes ? 'yes' : 'no')
    case 'when':
      return date(v.when)
    case 'span':
      return spanWords(v.span)
    case 'samples':
      return t('samples', { count: v.count, seconds: number(Math.round(v.seconds * 10) / 10) })
    case 'unknown':
      return t('value.other', { type: v.type })
  }
}

function between(low?: Quantity, high?: Quantity): string {
  if (low && high) return `${amount(low, low.unit !== undefined && low.unit !== high.unit)}–${amount(high)}`
  return low ? `≥ ${amount(low)}` : high ? `≤ ${amount(high)}` : ''
}

/** A reference range; its words, where it has no limits. */
export function rangeWords(r: Range | undefined, withUnit = true): string | undefined {
  if (!r) return undefined
  const strip = (q?: Quantity) => (q && !withUnit ? { ...q, unit: undefined } : q)
  const limits = between(strip(r.low), strip(r.high))
  return limits === '' ? r.text : limits
}

/** Why there is no value. */
export function absentWords(code: string): string {
  return t.find(`absent.${code}`) ?? code
}

function partWords(c: Component): string | undefined {
  if (c.value) return valueWords(c.value)
  return c.absent ? absentWords(c.absent) : undefined
}

/** LOINC codes of the components that clinicians read as one: systolic over diastolic. */
const pressure = ['8480-6', '8462-4']

/** Systolic and diastolic of a blood pressure; undefined for anything else. */
function pressures(o: Observation): readonly [Component, Component] | undefined {
  const [high, low] = pressure.map((code) => o.components.find((c) => c.concept?.codes.some((x) => x.code === code)))
  return high && low && o.components.length === 2 ? [high, low] : undefined
}

/** The value of an observation with its components: "120/80 mmHg" for blood pressure. */
export function observationWords(o: Observation): string {
  const own = partWords(o)
  const parts = o.components.filter((c) => partWords(c) !== undefined)
  if (parts.length === 0) return own ?? (o.members.length > 0 ? t('panel', { count: o.members.length }) : t('value.none'))
  const [high, low] = pressures(o)?.map((c) => c.value) ?? []
  if (high?.kind === 'quantity' && low?.kind === 'quantity') return `${amount(high.quantity, false)}/${amount(low.quantity)}`
  const listed = parts.map((c) => `${c.concept?.text ?? ''} ${partWords(c) ?? ''}`.trim())
  return [own, ...listed].filter(Boolean).join('; ')
}

/** The reference ranges of an observation, one line each; those of a blood pressure in one. */
export function observationRanges(o: Observation): readonly string[] {
  const own = rangeWords(normal(o.ranges))
  const both = pressures(o)
  const [high, low] = both?.map((c) => normal(c.ranges)) ?? []
  const parts = high && low
    ? [`${rangeWords(high, false) ?? ''} / ${rangeWords(low) ?? ''}`]
    : o.components.flatMap((c) => {
        const words = rangeWords(normal(c.ranges))
        return words ? [`${c.concept?.text ?? ''}: ${words}`] : []
      })
  return own ? [own, ...parts] : parts
}
