import { obj, str, type Obj } from './json'

export type Precision = 'year' | 'month' | 'day' | 'time'

/**
 * A point in time as a hospital wrote it: perhaps only a year. The date and the hour are
 * those of the place where it was written, never moved to the reader's time zone, so that
 * no date changes.
 */
export interface When {
  readonly written: string
  readonly precision: Precision
  /** The written date and hour read as UTC, in milliseconds: for showing. */
  readonly wall: number
  /** The point in time in milliseconds, the first one if only a part is known: for sorting and ages. */
  readonly at: number
}

/** From and to, either of which may be unknown. */
export interface Span {
  readonly start?: When | undefined
  readonly end?: When | undefined
}

const pattern = /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?)?)?$/

/** Reads FHIR's date, dateTime and instant. What is none of them, or no date of the calendar, is undefined. */
export function when(v: unknown): When | undefined {
  const written = str(v)
  const m = written === undefined ? null : pattern.exec(written)
  if (!m || written === undefined) return undefined
  const [, year, month, day, hour, minute, second, zone] = m
  const wall = Date.UTC(Number(year), Number(month ?? 1) - 1, Number(day ?? 1), Number(hour ?? 0), Number(minute ?? 0), Number(second ?? 0))
  if (!onCalendar(wall, month, day) || Number(hour ?? 0) > 23 || Number(minute ?? 0) > 59) return undefined
  const precision = hour !== undefined ? 'time' : day !== undefined ? 'day' : month !== undefined ? 'month' : 'year'
  return { written, precision, wall, at: wall - offset(zone) }
}

function onCalendar(wall: number, month?: string, day?: string): boolean {
  const d = new Date(wall)
  return (month === undefined || (Number(month) >= 1 && Number(month) <= 12)) && (day === undefined || Number(day) === d.getUTCDate())
}

/** How far a zone such as +02:00 is ahead of UTC, in milliseconds. */
function offset(zone?: string): number {
  if (zone === undefined || zone === 'Z') return 0
  const ahead = (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4))) * 60_000
  return zone.startsWith('-') ? -ahead : ahead
}

export function span(v: unknown): Span | undefined {
  const o = obj(v)
  if (!o) return undefined
  const start = when(o['start'])
  const end = when(o['end'])
  return start || end ? { start, end } : undefined
}

/**
 * A choice such as onset[x] that may be a date, a period, an age, a range of ages or a
 * text. Ages and texts stay for the one who shows them.
 */
export interface Timing {
  readonly when?: When | undefined
  readonly span?: Span | undefined
  readonly age?: Obj | undefined
  readonly range?: Obj | undefined
  readonly text?: string | undefined
}

export function timing(o: Obj, stem: string): Timing | undefined {
  const date = when(o[stem + 'DateTime']) ?? when(o[stem + 'Instant']) ?? when(o[stem + 'Date'])
  const period = span(o[stem + 'Period'])
  const age = obj(o[stem + 'Age'])
  const range = obj(o[stem + 'Range'])
  const text = str(o[stem + 'String']) ?? unread(o, stem)
  if (!date && !period && !age && !range && !text) return undefined
  return { when: date ?? period?.start ?? period?.end, span: period, age, range, text }
}

/** A date that is none: shown as it was written, rather than left out. */
function unread(o: Obj, stem: string): string | undefined {
  return when(o[stem + 'DateTime']) ? undefined : str(o[stem + 'DateTime'])
}

/** For sorting: the newest first, what has no date last. */
export function newestFirst(a?: When, b?: When): number {
  if (!a || !b) return a ? -1 : b ? 1 : 0
  return b.at - a.at
}
