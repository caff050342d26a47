import { formatDate, formatDateTime, formatNumber, formatQuantity, formatUnit } from '../format.ts'
import { word } from '../words.ts'
import { seconds, type Signal } from './read.ts'

/** 0.35 s, 12.4 s, 1:05, 2:03:04: a place in a recording. */
export function formatElapsed(s: number, digits = 1): string {
  if (s < 60) return `${formatNumber(s, { minimumFractionDigits: 0, maximumFractionDigits: digits })} s`
  const whole = Math.floor(s)
  const two = (n: number) => String(n).padStart(2, '0')
  const [h, m, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  return h ? `${h}:${two(m)}:${two(rest)}` : `${m}:${two(rest)}`
}

/** A number with as many digits as its size makes sensible. */
export function formatValue(v: number): string {
  const size = Math.abs(v)
  return formatNumber(v, { maximumFractionDigits: size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3 })
}

/** What a signal is called: the recording and its channel. */
export function signalName(s: Pick<Signal, 'name' | 'channel'>): string {
  return s.channel && s.channel !== s.name ? `${s.name}, ${s.channel}` : s.name
}

/** A signal in words, for who does not see the plot: length, rate, range, what is missing. */
export function describeSignal(s: Signal): string {
  const name = signalName(s)
  if (s.absent !== undefined || s.values.length === 0) return `${name}: ${s.absent || word('signalEmpty')}`
  const parts = [word('signalIs', { name, duration: formatElapsed(seconds(s)), hz: formatNumber(s.hz, { maximumSignificantDigits: 6 }) })]
  if (s.start !== undefined) parts.push(word('starts', { time: formatDateTime(s.start, { seconds: true }) }))
  if (s.range) parts.push(word('signalRange', { min: formatValue(s.range.min), max: formatValue(s.range.max), unit: formatUnit(s.unit) }))
  if (s.gaps.missing) parts.push(word('gapsMissing', { count: s.gaps.missing }))
  if (s.gaps.below) parts.push(word('gapsBelow', { count: s.gaps.below }))
  if (s.gaps.above) parts.push(word('gapsAbove', { count: s.gaps.above }))
  return parts.join(', ')
}

/** A value at a time. */
export interface Point {
  /** Unix milliseconds. */
  time: number
  value: number
}

/** Where values are usual; one bound may be missing. */
export interface Band {
  low?: number
  high?: number
}

/** Whether a value is below or above its band. */
export function outside(v: number, band?: Band): 'low' | 'high' | undefined {
  if (band?.low !== undefined && v < band.low) return 'low'
  if (band?.high !== undefined && v > band.high) return 'high'
  return undefined
}

/** Values over time in words. Points are ordered by time. */
export function describePoints(name: string, points: readonly Point[], unit: string, band?: Band): string {
  const parts = [word('valuesAre', { name, count: points.length })]
  const [first, last] = [points[0], points.at(-1)]
  if (!first || !last) return parts[0]!
  const values = points.map((p) => p.value)
  if (points.length > 1) {
    parts.push(word('valuesSpan', { from: formatDate(first.time), to: formatDate(last.time) }))
    parts.push(word('signalRange', { min: formatValue(Math.min(...values)), max: formatValue(Math.max(...values)), unit: formatUnit(unit) }))
  }
  parts.push(word('valuesLast', { value: formatQuantity({ value: last.value, unit }), date: formatDate(last.time) }))
  const far = values.filter((v) => outside(v, band)).length
  if (far) parts.push(word('valuesOutside', { count: far }))
  return parts.join(', ')
}
