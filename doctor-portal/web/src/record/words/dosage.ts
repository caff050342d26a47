import type { Value } from '../fhir/value'
import { t } from '../texts'
import type { Dosage, DoseTiming } from '../types'
import { amount, number } from './number'
import { valueWords } from './value'
import { spanWords } from './when'

/**
 * A dosage as one reads it aloud: "1 tablet twice a day by mouth as needed for pain". The
 * hospital's own sentence goes before what could be put together of the parts.
 */
export function dosageWords(d: Dosage): string {
  if (d.text) return d.text
  const dose = unique(d.doses.map((x) => valueWords(x.amount))).join(` ${t('or')} `)
  const rate = unique(d.rates.map(valueWords)).join(` ${t('or')} `)
  const needed = d.neededFor ? t('dose.neededFor', { why: d.neededFor }) : d.asNeeded ? t('dose.needed') : undefined
  const most = d.max && t('dose.max', { amount: perTime(d.max) })
  const parts = [d.method, dose, rate && t('dose.rate', { rate }), d.timing && timingWords(d.timing), d.route, d.site, needed, most, ...d.more]
  return capital(parts.filter(Boolean).join(', '))
}

/** "8 puffs per day" for a ratio to a time; other values as they are. */
function perTime(v: Value): string {
  const under = v.kind === 'ratio' ? v.under : undefined
  const unit = under && t.find(`unit.${under.code ?? ''}`)
  if (v.kind !== 'ratio' || !v.over || !under || !unit) return valueWords(v)
  return t('dose.per', { amount: amount(v.over), each: under.n === 1 ? unit : (time(under.n, under.code ?? '') ?? unit) })
}

function unique(all: readonly string[]): string[] {
  return [...new Set(all)]
}

function capital(s: string): string {
  return s === '' ? s : s[0]?.toUpperCase() + s.slice(1)
}

function timingWords(x: DoseTiming): string {
  const how = x.text ?? often(x) ?? (x.code ? (t.find(`timing.${x.code}`) ?? x.code) : undefined)
  const events = x.events.map((e) => (x.offset ? `${t('minutes', { count: x.offset })} ` : '') + (t.find(`event.${e}`) ?? e))
  const days = x.days.map((d) => t.find(`day.${d}`) ?? d).join(', ')
  const lasting = x.lasting ? t('dose.lasting', { time: time(x.lasting.n, x.lasting.code ?? '') ?? amount(x.lasting) }) : undefined
  const count = x.count ? t('dose.count', { count: x.count }) : undefined
  return [how, events.join(', '), x.times.join(', '), days, lasting, x.bounds && spanWords(x.bounds), count].filter(Boolean).join(', ')
}

/** "twice a day", "2–3 times a day", "every 8 hours" */
function often(x: DoseTiming): string | undefined {
  if (x.period === undefined || x.unit === undefined) return x.frequency ? t('dose.times', { count: x.frequency }) : undefined
  const times = x.frequency ?? 1
  const each = x.periodMax ? `${number(x.period)}–${time(x.periodMax, x.unit) ?? ''}` : time(x.period, x.unit)
  if (!each) return undefined
  const single = per(x.period, x.unit)
  if (x.frequencyMax) return t(single ? 'dose.often' : 'dose.oftenIn', { times: `${number(times)}–${number(x.frequencyMax)}`, each: single ?? each })
  if (times === 1 && !(x.period === 1 && x.unit === 'd')) return t('dose.every', { each: x.period === 1 ? (t.find(`unit.${x.unit}`) ?? each) : each })
  if (single) return times === 1 ? t('dose.once', { each: single }) : times === 2 ? t('dose.twice', { each: single }) : t('dose.often', { times: number(times), each: single })
  return t('dose.oftenIn', { times: number(times), each })
}

/** "day" of one day; undefined for more than one of a unit. */
function per(period: number, unit: string): string | undefined {
  return period === 1 ? t.find(`unit.${unit}`) : undefined
}

/** "8 hours" */
function time(n: number, unit: string): string | undefined {
  return t.find(`units.${unit}`, { count: n })
}
