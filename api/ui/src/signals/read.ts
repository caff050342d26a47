/** What a recording shows, by its code. */
export type SignalKind = 'ecg' | 'ppg' | 'heartRate' | 'other'

/** One channel of a recording: evenly spaced samples. */
export interface Signal {
  kind: SignalKind
  /** LOINC or MDC code of the observation, as it is written there. */
  code: string
  /** What was recorded, in the words of the resource. */
  name: string
  /** The lead or channel, if there are several or it is named. */
  channel?: string
  /** As people write it: mV, /min. */
  unit: string
  /** Unix milliseconds of the first sample, if told. */
  start?: number
  /** Samples per second. */
  hz: number
  /** In the unit; NaN where there is none. */
  values: Float32Array
  /** How many samples are no values: errors (E), below (L) and above (U) the sensor's range. */
  gaps: { missing: number; below: number; above: number }
  /** The least and the greatest value; undefined if there is none. */
  range?: { min: number; max: number }
  /** The observation that it stands in: its place among the bundle's entries. */
  entry: number
  /** Why there are no samples, in the words of the resource. */
  absent?: string
}

/** A single measured value. */
export interface Measured {
  code: string
  name: string
  value: number
  unit: string
  time?: number
  entry: number
}

/** An observation that could not be read. The others are there. */
export interface Unreadable {
  entry: number
  code: 'notSampledData' | 'badPeriod' | 'badDimensions' | 'badSample' | 'badOrigin' | 'badFactor' | 'tooMany'
  says: string
}

export interface Signals {
  observations: Signal[]
  quantities: Measured[]
  unreadable: Unreadable[]
}

const maxSamples = 4_000_000

type Json = Record<string, unknown>
const isObject = (x: unknown): x is Json => typeof x === 'object' && x !== null && !Array.isArray(x)
const objects = (x: unknown): Json[] => (Array.isArray(x) ? x.filter(isObject) : [])
const text = (x: unknown): string | undefined => (typeof x === 'string' && x !== '' ? x : undefined)

class Refused extends Error {
  constructor(
    readonly code: Unreadable['code'],
    says: string,
  ) {
    super(says)
  }
}

/**
 * Reads the measurements of a FHIR R4 Bundle, or of a single Observation: the
 * channels with SampledData and the single quantities, of observations and
 * their components. Throws only if the whole is neither.
 */
export function readSignals(bundle: string | object): Signals {
  const root: unknown = typeof bundle === 'string' ? JSON.parse(bundle) : bundle
  if (!isObject(root)) throw new Error('neither a Bundle nor an Observation')
  const found: Signals = { observations: [], quantities: [], unreadable: [] }
  const resources = root['resourceType'] === 'Bundle' ? (Array.isArray(root['entry']) ? root['entry'] : []).map((e: unknown) => isObject(e) && e['resource']) : [root]
  if (root['resourceType'] !== 'Bundle' && root['resourceType'] !== 'Observation') throw new Error('neither a Bundle nor an Observation')
  resources.forEach((r: unknown, entry: number) => {
    if (isObject(r) && r['resourceType'] === 'Observation') readObservation(r, entry, found)
  })
  return found
}

function readObservation(o: Json, entry: number, found: Signals) {
  const code = concept(o['code'])
  const parts = [o, ...objects(o['component'])]
  for (const part of parts) {
    const own = part === o ? undefined : concept(part['code'])
    const about = { code, channel: own?.name, kind: kindOf(codes(o['code']).concat(own ? codes(part['code']) : [])), start: startOf(o), entry }
    try {
      if (part['valueSampledData'] !== undefined) found.observations.push(...channels(part['valueSampledData'], about))
      else if (isObject(part['valueQuantity'])) found.quantities.push(...quantity(part['valueQuantity'], own ?? code, about))
      else if (part['dataAbsentReason'] !== undefined) found.observations.push(absent(about, concept(part['dataAbsentReason']).name))
    } catch (e) {
      if (!(e instanceof Refused)) throw e
      found.unreadable.push({ entry, code: e.code, says: e.message })
    }
  }
}

interface About {
  code: { code: string; name: string }
  channel?: string
  kind: SignalKind
  start?: number
  entry: number
}

function absent(a: About, why: string): Signal {
  return { ...named(a), unit: '', hz: 0, values: new Float32Array(), gaps: { missing: 0, below: 0, above: 0 }, absent: why }
}

function named({ code, channel, kind, start, entry }: About) {
  return { kind, code: code.code, name: code.name, ...(channel && { channel }), ...(start !== undefined && { start }), entry }
}

/**
 * The channels of a SampledData: value = origin + factor * sample, factor 1 if
 * it is not there; the samples of several dimensions are interleaved.
 */
function channels(data: unknown, about: About): Signal[] {
  if (!isObject(data)) throw new Refused('notSampledData', 'the value is no SampledData')
  const origin = isObject(data['origin']) ? data['origin'] : {}
  const zero = finite(origin['value'] ?? 0, 'badOrigin', 'the origin is no number')
  const factor = finite(data['factor'] ?? 1, 'badFactor', 'the factor is no number')
  const period = finite(data['period'], 'badPeriod', 'the period is no number')
  const dimensions = data['dimensions'] ?? 1
  if (period <= 0) throw new Refused('badPeriod', 'the period is not positive')
  if (!Number.isInteger(dimensions) || (dimensions as number) < 1 || (dimensions as number) > 64) throw new Refused('badDimensions', 'the number of dimensions is not between 1 and 64')
  const unit = text(origin['unit']) ?? text(origin['code']) ?? ''
  const hz = rate(period)
  const count = dimensions as number
  return split(text(data['data']) ?? '', count).map((samples, i) => ({
    ...named(count > 1 ? { ...about, channel: `${about.channel ?? ''} ${i + 1}`.trim() } : about),
    unit,
    hz,
    ...scale(samples, zero, factor),
  }))
}

function finite(x: unknown, code: Unreadable['code'], says: string): number {
  if (typeof x !== 'number' || !Number.isFinite(x)) throw new Refused(code, says)
  return x
}

// 1000/period. A period such as 2.777777777778 ms stands for a whole rate that
// decimals cannot write.
function rate(period: number): number {
  const hz = 1000 / period
  const near = Math.round(hz * 1000) / 1000
  return near > 0 && Math.abs(hz - near) < 1e-9 * hz ? near : hz
}

function split(data: string, dimensions: number): string[][] {
  // Single spaces separate the samples; other white space is as good, but slow to split at.
  const samples = (/[\t\r\n]/.test(data) ? data.replace(/\s+/g, ' ') : data).split(' ').filter((s) => s !== '')
  if (samples.length > maxSamples) throw new Refused('tooMany', `more than ${maxSamples} samples`)
  if (samples.length % dimensions !== 0) throw new Refused('badDimensions', 'the samples do not divide into the dimensions')
  if (dimensions === 1) return [samples]
  return Array.from({ length: dimensions }, (_, i) => samples.filter((_, j) => j % dimensions === i))
}

const decimal = /^[-+]?\d+(\.\d+)?([eE][-+]?\d+)?$/

function scale(samples: string[], zero: number, factor: number): Pick<Signal, 'values' | 'gaps' | 'range'> {
  const values = new Float32Array(samples.length)
  const gaps = { missing: 0, below: 0, above: 0 }
  let [min, max] = [Infinity, -Infinity]
  samples.forEach((s, i) => {
    if (s === 'E') gaps.missing++
    else if (s === 'L') gaps.below++
    else if (s === 'U') gaps.above++
    else if (!decimal.test(s)) throw new Refused('badSample', `sample ${i + 1} is no decimal number`)
    else {
      const v = zero + factor * Number(s)
      values[i] = v
      if (v < min) min = v
      if (v > max) max = v
      return
    }
    values[i] = NaN
  })
  return { values, gaps, ...(min <= max && { range: { min, max } }) }
}

function quantity(q: Json, code: { code: string; name: string }, about: About): Measured[] {
  if (typeof q['value'] !== 'number') return []
  const unit = text(q['unit']) ?? text(q['code']) ?? ''
  return [{ ...code, value: q['value'], unit, ...(about.start !== undefined && { time: about.start }), entry: about.entry }]
}

function startOf(o: Json): number | undefined {
  const period = isObject(o['effectivePeriod']) ? o['effectivePeriod']['start'] : undefined
  const t = Date.parse(text(period) ?? text(o['effectiveDateTime']) ?? text(o['effectiveInstant']) ?? '')
  return Number.isNaN(t) ? undefined : t
}

function codes(concept: unknown): { system: string; code: string; display?: string }[] {
  const list = isObject(concept) ? objects(concept['coding']) : []
  return list.map((c) => ({ system: text(c['system']) ?? '', code: text(c['code']) ?? '', display: text(c['display']) }))
}

function concept(x: unknown): { code: string; name: string } {
  const [first] = codes(x)
  const said = isObject(x) ? text(x['text']) : undefined
  return { code: first?.code ?? '', name: said ?? first?.display ?? first?.code ?? '' }
}

const loinc = 'http://loinc.org'
const mdc = 'urn:iso:std:iso:11073:10101'

// MDC 131328 to 131392 are the potentials of the ECG's leads.
function kindOf(list: { system: string; code: string }[]): SignalKind {
  const is = (system: string, test: (code: string) => boolean) => list.some((c) => c.system === system && test(c.code))
  if (is(loinc, (c) => c === '11524-6') || is(mdc, (c) => +c >= 131328 && +c <= 131392)) return 'ecg'
  if (is(loinc, (c) => c === '8867-4') || is(mdc, (c) => c === '149530' || c === '147842')) return 'heartRate'
  if (is(mdc, (c) => c === '150452')) return 'ppg'
  return 'other'
}

/** How long a signal is, in seconds. */
export function seconds(s: Pick<Signal, 'values' | 'hz'>): number {
  return s.hz > 0 ? s.values.length / s.hz : 0
}
