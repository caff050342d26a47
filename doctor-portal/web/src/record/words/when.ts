import { formatAge, formatAgo, language, locales } from '@medunion/ui'
import type { Span, Timing, When } from '../fhir/dates'
import { obj } from '../fhir/json'
import { quantity, type Quantity } from '../fhir/value'
import { t } from '../texts'
import { amount } from './number'

const shapes: Record<When['precision'], Intl.DateTimeFormatOptions> = {
  year: { year: 'numeric' },
  month: { year: 'numeric', month: 'short' },
  day: { year: 'numeric', month: 'short', day: 'numeric' },
  time: { year: 'numeric', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' },
}

const formats = new Map<string, Intl.DateTimeFormat>()

function format(precision: When['precision']): Intl.DateTimeFormat {
  const key = language() + precision
  const known = formats.get(key)
  if (known) return known
  const made = new Intl.DateTimeFormat(locales[language()], { ...shapes[precision], timeZone: 'UTC' })
  formats.set(key, made)
  return made
}

/** A date as it was written, as exact as it was written. */
export function date(w: When): string {
  return format(w.precision).format(w.wall)
}

/** Only the day, where the hour does not matter. */
export function dayOf(w: When): string {
  return format(w.precision === 'time' ? 'day' : w.precision).format(w.wall)
}

/** How long ago that was. */
export function ago(w: When, now: number): string {
  return formatAgo(w.written, now)
}

export function age(born: When, at: number): string {
  return formatAge(born.written, { at })
}

export function spanWords(s: Span): string {
  const [from, to] = [s.start && dayOf(s.start), s.end && dayOf(s.end)]
  if (from && to) return from === to ? from : t('span', { from, to })
  return from ? t('span.since', { from }) : to ? t('span.until', { to }) : ''
}

/** "41 years" for 41 a. */
function ageWords(q: Quantity): string {
  return t.find(`units.${q.code ?? ''}`, { count: q.n }) ?? amount(q)
}

/** An onset or the like, whatever form it was written in. */
export function timingWords(x: Timing): string {
  if (x.span) return spanWords(x.span)
  if (x.when) return dayOf(x.when)
  const years = quantity(x.age)
  if (years) return t('at.age', { age: ageWords(years) })
  const range = obj(x.range)
  const ends = [quantity(range?.['low']), quantity(range?.['high'])].filter((q) => q !== undefined).map(ageWords)
  return ends.length > 0 ? t('at.age', { age: ends.join(' – ') }) : (x.text ?? '')
}

/** When a hospital signed, in the reader's own time zone: "20 Nov, 14:41", with the year if it is not this one. */
export function signedAt(ms: number, now: number): string {
  const sameYear = new Date(ms).getFullYear() === new Date(now).getFullYear()
  const shape: Intl.DateTimeFormatOptions = { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', ...(sameYear ? {} : { year: 'numeric' }) }
  const key = `${language()} signed ${sameYear}`
  const known = formats.get(key) ?? new Intl.DateTimeFormat(locales[language()], shape)
  formats.set(key, known)
  return known.format(ms)
}
