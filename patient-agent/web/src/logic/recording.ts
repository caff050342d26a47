import type { Signals } from '../api/types'

/** The kinds of recording that a CSV file can hold. */
export type Kind = 'ecg' | 'ppg' | 'heart-rate'
export const kinds: readonly Kind[] = ['ecg', 'ppg', 'heart-rate']

/** A chosen file, in memory only: it is medical content. */
export interface Recording {
  key: number
  name: string
  /** Its text, as it was chosen. */
  text: string
  format: 'csv' | 'fhir'
  /** For CSV: what was told by the file, or by her. */
  kind?: Kind
  /** Samples a second, as a decimal number. */
  hz?: string
  /** When it began, RFC 3339. */
  start?: string
}

/** The largest file that the agent takes, in characters. */
export const largest = 16 * 1024 * 1024

const leads = /^(i{1,3}|av[rlf]|v[1-6]|mlii)(_|$)/i

/** What a CSV file tells about itself: its first lines are enough. */
export function guess(text: string): { kind?: Kind; hz?: string } {
  const lines = text.slice(0, 20_000).split(/\r?\n/, 200)
  const header = (lines[0] ?? '').split(/[,;\t]/).map((s) => s.trim())
  if (header.some((h) => h !== '' && Number.isFinite(Number(h)))) return { kind: 'ppg' }
  const named = header.slice(1)
  const kind =
    named.some((h) => leads.test(h)) || /ecg|ekg/i.test(lines[0] ?? '')
      ? 'ecg'
      : named.some((h) => /bpm|heart|hr\b/i.test(h))
        ? 'heart-rate'
        : 'ppg'
  return { kind, hz: /^(t|time)(_s|_ms)?$/i.test(header[0] ?? '') ? rate(lines, /_ms$/i.test(header[0] ?? '') ? 1000 : 1) : undefined }
}

/** The rate that a time column shows, rounded to what recorders use. */
function rate(lines: string[], unit: number): string | undefined {
  const times = lines
    .slice(1, -1)
    .filter((l) => l !== '')
    .map((l) => Number(l.split(/[,;\t]/, 1)[0]))
  const first = times[0]
  const last = times.at(-1)
  if (first === undefined || last === undefined || !(last > first)) return undefined
  const hz = ((times.length - 1) / (last - first)) * unit
  const whole = Math.round(hz)
  return String(whole > 0 && Math.abs(hz - whole) / hz < 0.01 ? whole : Number(hz.toPrecision(4)))
}

/** Reads a chosen file's text. `undefined`: neither CSV nor FHIR JSON. */
export function recordingOf(key: number, name: string, text: string): Recording | undefined {
  if (/\.json$/i.test(name)) return { key, name, text, format: 'fhir' }
  if (/\.(csv|txt)$/i.test(name)) return { key, name, text, format: 'csv', ...guess(text) }
  return undefined
}

/** Whether a CSV file's particulars are complete enough to send. */
export function ready(r: Recording): boolean {
  return r.format === 'fhir' || (r.kind !== undefined && /^[0-9]{1,12}(\.[0-9]{1,12})?$/.test(r.hz ?? '') && Number(r.hz) > 0)
}

/** The recording as the agent takes it. Throws SyntaxError if a FHIR file is no JSON. */
export function toSignals(r: Recording): Signals {
  if (r.format === 'fhir') return { fhir: JSON.parse(r.text) as Record<string, unknown> }
  return { csv: r.text, name: r.name, kind: r.kind, hz: r.hz, ...(r.start ? { start: r.start } : {}) }
}
