import type { HospitalReleases, Release } from '../api/types'

export interface Seen extends Release {
  hospital: string
}

export interface Day {
  /** Local date, YYYY-MM-DD. */
  day: string
  seen: Seen[]
}

/** The calendar day of a moment where she is. */
export function localDay(time: string | Date): string {
  const t = new Date(time)
  const two = (n: number) => String(n).padStart(2, '0')
  return `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())}`
}

/** All releases of all hospitals, newest first, by day. */
export function byDay(hospitals: HospitalReleases[]): Day[] {
  const all = hospitals.flatMap((h) => h.releases.map((r) => ({ ...r, hospital: h.hospital })))
  all.sort((a, b) => Date.parse(b.time) - Date.parse(a.time))
  const days: Day[] = []
  for (const s of all) {
    const day = localDay(s.time)
    const last = days.at(-1)
    if (last?.day === day) last.seen.push(s)
    else days.push({ day, seen: [s] })
  }
  return days
}

/** What was seen under one consent. */
export function under(hospitals: HospitalReleases[], consent: string): Seen[] {
  return byDay(hospitals)
    .flatMap((d) => d.seen)
    .filter((s) => s.consent === consent)
}
