import { language, locales } from './language.ts'

/** A moment: a Date, Unix milliseconds, or FHIR's date, dateTime or instant. */
export type When = Date | number | string

const partial = /^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?$/

// FHIR's dates may lack the day or the month and have no time zone: they are
// read as local ones, so that no reader sees the day before.
function read(when: When): { date: Date; known: 'year' | 'month' | 'day' | 'time' } | undefined {
  const match = typeof when === 'string' ? partial.exec(when) : null
  const date = match ? new Date(+match[1]!, +(match[2] ?? 1) - 1, +(match[3] ?? 1)) : new Date(when)
  if (Number.isNaN(date.getTime())) return undefined
  if (!match) return { date, known: 'time' }
  return { date, known: match[3] ? 'day' : match[2] ? 'month' : 'year' }
}

/** The moment as a Date; undefined if it is none. */
export function toDate(when: When): Date | undefined {
  return read(when)?.date
}

// Making a formatter takes far longer than using it, and tables use it by the thousand.
function remembering<O, F>(make: (locale: string, options: O) => F): (options: O) => F {
  const made = new Map<string, F>()
  return (options) => {
    const locale = locales[language()]
    const key = locale + JSON.stringify(options)
    let f = made.get(key)
    if (!f) made.set(key, (f = make(locale, options)))
    return f
  }
}

const dateFormat = remembering((locale, o: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(locale, o))
const numberFormat = remembering((locale, o: Intl.NumberFormatOptions) => new Intl.NumberFormat(locale, o))
const agoFormat = remembering((locale, o: Intl.RelativeTimeFormatOptions) => new Intl.RelativeTimeFormat(locale, o))

const dateParts: Record<'year' | 'month' | 'day' | 'time', Intl.DateTimeFormatOptions> = {
  year: { year: 'numeric' },
  month: { year: 'numeric', month: 'short' },
  day: { year: 'numeric', month: 'short', day: 'numeric' },
  time: { year: 'numeric', month: 'short', day: 'numeric' },
}

/** 20 Nov 2026; only as much as is known of it. What is no date comes back as it is. */
export function formatDate(when: When): string {
  const r = read(when)
  return r ? dateFormat(dateParts[r.known]).format(r.date) : String(when)
}

/** 20 Nov 2026, 14:41. A date without a time stays one. */
export function formatDateTime(when: When, options: { seconds?: boolean } = {}): string {
  const r = read(when)
  if (!r || r.known !== 'time') return formatDate(when)
  const clock: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }
  return dateFormat({ ...dateParts.time, ...clock, ...(options.seconds && { second: '2-digit' }) }).format(r.date)
}

/** 14:41 */
export function formatTime(when: When, options: { seconds?: boolean } = {}): string {
  const r = read(when)
  if (!r) return String(when)
  return dateFormat({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23', ...(options.seconds && { second: '2-digit' }) }).format(r.date)
}

type Unit = 'year' | 'month' | 'week' | 'day' | 'hour' | 'minute' | 'second'
type Display = 'long' | 'short' | 'narrow'

function inUnit(n: number, unit: Unit, unitDisplay: Display): string {
  return numberFormat({ style: 'unit', unit, unitDisplay }).format(n)
}

/**
 * An age as clinicians say it: years from 2 years on, months below, weeks below
 * 3 months, days below 4 weeks. Empty if the birth date is none or still to come.
 */
export function formatAge(birth: When, options: { at?: When; display?: Display } = {}): string {
  const [from, to] = [read(birth), read(options.at ?? Date.now())]
  if (!from || !to || to.date < from.date) return ''
  const display = options.display ?? 'long'
  const days = wholeDays(from.date, to.date)
  const months = wholeMonths(from.date, to.date)
  if (from.known === 'year') return inUnit(to.date.getFullYear() - from.date.getFullYear(), 'year', display)
  if (months >= 24) return inUnit(Math.floor(months / 12), 'year', display)
  if (months >= 3 || from.known === 'month') return inUnit(months, 'month', display)
  return days >= 28 ? inUnit(Math.floor(days / 7), 'week', display) : inUnit(days, 'day', display)
}

function wholeDays(a: Date, b: Date): number {
  const day = (d: Date) => Date.UTC(d.getFullYear(), d.getMonth(), d.getDate()) / 86_400_000
  return day(b) - day(a)
}

function wholeMonths(a: Date, b: Date): number {
  const months = (b.getFullYear() - a.getFullYear()) * 12 + b.getMonth() - a.getMonth()
  return b.getDate() < a.getDate() ? months - 1 : months
}

/** How long ago, or until when, in the largest fitting unit: 3 days ago, in 20 minutes, yesterday. */
export function formatAgo(when: When, now: When = Date.now()): string {
  const [then, at] = [read(when), read(now)]
  if (!then || !at) return ''
  const format = agoFormat({ numeric: 'auto' })
  const seconds = (then.date.getTime() - at.date.getTime()) / 1000
  const days = wholeDays(at.date, then.date)
  if (then.known === 'time' && Math.abs(seconds) < 60) return format.format(0, 'second')
  if (then.known === 'time' && Math.abs(seconds) < 3600) return format.format(Math.trunc(seconds / 60), 'minute')
  if (then.known === 'time' && Math.abs(seconds) < 86_400) return format.format(Math.trunc(seconds / 3600), 'hour')
  if (Math.abs(days) < 60) return format.format(days, 'day')
  const months = days < 0 ? -wholeMonths(then.date, at.date) : wholeMonths(at.date, then.date)
  return Math.abs(months) < 24 ? format.format(months, 'month') : format.format(Math.trunc(months / 12), 'year')
}

/** A span of milliseconds in at most two units: 27 min, 1 h 20 min, 2 days 3 h. */
export function formatDuration(ms: number, display: Display = 'short'): string {
  const total = Math.max(0, Math.round(ms / 1000))
  const parts: [number, Unit][] = [
    [Math.floor(total / 86_400), 'day'],
    [Math.floor(total / 3600) % 24, 'hour'],
    [Math.floor(total / 60) % 60, 'minute'],
    [total % 60, 'second'],
  ]
  const first = parts.findIndex(([n]) => n > 0)
  if (first < 0) return inUnit(0, 'second', display)
  const shown = parts.slice(first, first + 2).filter(([n]) => n > 0)
  return shown.map(([n, unit]) => inUnit(n, unit, display)).join(' ')
}

/** A number as the language writes it. Of a decimal string all digits are kept: 7.40 stays 7.40. */
export function formatNumber(value: number | string, options: Intl.NumberFormatOptions = {}): string {
  const text = String(value)
  if (typeof value === 'string' && !/^-?\d+(\.\d+)?$/.test(text)) return text
  if (typeof value === 'number' && !Number.isFinite(value)) return '–'
  const digits = typeof value === 'string' ? (text.split('.')[1]?.length ?? 0) : undefined
  const kept = digits === undefined ? { maximumSignificantDigits: 12 } : { minimumFractionDigits: Math.min(digits, 20), maximumFractionDigits: Math.min(digits, 20) }
  // The type has no strings, the language has: they keep what a double would lose.
  return numberFormat(Object.keys(options).length > 0 ? options : kept).format(value as number)
}

/** What is read of a FHIR Quantity. */
export interface Quantity {
  value?: number | string
  comparator?: string
  unit?: string
  code?: string
}

const comparators: Record<string, string> = { '<': '<', '<=': '≤', '>': '>', '>=': '≥', ad: '~' }

/** 7.4 mmol/L, < 0.5 mg/L, 36.6 °C */
export function formatQuantity(q: Quantity, options: Intl.NumberFormatOptions = {}): string {
  if (q.value === undefined) return ''
  const sign = q.comparator ? `${comparators[q.comparator] ?? q.comparator} ` : ''
  const unit = formatUnit(q.unit ?? q.code ?? '')
  return `${sign}${formatNumber(q.value, options)}${unit && unit !== '%' ? ' ' : ''}${unit}`
}

const units: Record<string, string> = {
  '1': '',
  Cel: '°C',
  '[degF]': '°F',
  "[arb'U]": 'arb. u.',
  '/min': '/min',
  '{beats}/min': '/min',
  'beats/minute': '/min',
  '{score}': '',
}

/** A UCUM code as people write it: mm[Hg] is mmHg, 10*3/uL is 10³/µL, kg/m2 is kg/m². */
export function formatUnit(code: string): string {
  const known = units[code]
  if (known !== undefined) return known
  return code
    .replace(/(\/?)\{([^}]*)\}/g, (_, per: string, words: string) => (per ? `/${words.replace(/_/g, ' ')}` : ''))
    .replace(/\[([^\]]*)\]/g, (_, name: string) => name.replace(/'U$/, ' U').replace(/_/g, ' '))
    .replace(/10[*^](-?\d+)/g, (_, n: string) => `10${raise(n)}`)
    .replace(/\bu(?=(mol|g|L|l|m|s|V|kat|U|IU|Eq)\b)/g, 'µ')
    .replace(/(?<=[a-z])(\d)(?![\d.])/g, (_, n: string) => raise(n))
}

const superscripts: Record<string, string> = { '-': '⁻', 0: '⁰', 1: '¹', 2: '²', 3: '³', 4: '⁴', 5: '⁵', 6: '⁶', 7: '⁷', 8: '⁸', 9: '⁹' }
const raise = (digits: string) => [...digits].map((d) => superscripts[d]).join('')
