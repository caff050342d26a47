import { concept, type Concept } from './codes'
import { span, when, type Span, type When } from './dates'
import { bool, choice, num, obj, objs, str, written, type Obj } from './json'

export interface Quantity {
  readonly n: number
  /** The number as the hospital wrote it, if its digits say more: 7.0 is more exact than 7. */
  readonly written?: string | undefined
  readonly comparator?: string | undefined
  /** The unit for people; UCUM's code if there is no other. */
  readonly unit?: string | undefined
  /** UCUM's code, by which values are compared. */
  readonly code?: string | undefined
}

/** A value[x] of an observation or a component. */
export type Value =
  | { readonly kind: 'quantity'; readonly quantity: Quantity }
  | { readonly kind: 'range'; readonly low?: Quantity | undefined; readonly high?: Quantity | undefined }
  | { readonly kind: 'ratio'; readonly over?: Quantity | undefined; readonly under?: Quantity | undefined }
  | { readonly kind: 'concept'; readonly concept: Concept }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'yes'; readonly yes: boolean }
  | { readonly kind: 'when'; readonly when: When }
  | { readonly kind: 'span'; readonly span: Span }
  | { readonly kind: 'samples'; readonly count: number; readonly seconds: number }
  | { readonly kind: 'unknown'; readonly type: string }

const comparators = ['<', '<=', '>=', '>', 'ad']

/** UCUM's codes for things without a unit: nobody reads a "{score}" or a "1". */
const unitless = /^(1|\{[^}]*\})$/

export function quantity(v: unknown): Quantity | undefined {
  const o = obj(v)
  const n = num(o?.['value'])
  if (!o || n === undefined) return undefined
  const comparator = str(o['comparator'])
  const code = str(o['code'])
  const unit = str(o['unit']) ?? code
  return {
    n,
    written: written(o['value']),
    comparator: comparator && comparators.includes(comparator) ? comparator : undefined,
    unit: unit && !unitless.test(unit) ? unit : undefined,
    code: code ?? unit,
  }
}

/** Reads value[x] of a resource or a component; undefined if there is none. */
export function value(o: Obj): Value | undefined {
  const c = choice(o, 'value')
  if (!c) return undefined
  return known(c.type, c.value) ?? { kind: 'unknown', type: c.type }
}

function known(type: string, v: unknown): Value | undefined {
  const o = obj(v)
  switch (type) {
    case 'Quantity':
      return lift('quantity', quantity(v))
    case 'Integer':
    case 'Decimal':
      return num(v) === undefined ? undefined : { kind: 'quantity', quantity: { n: num(v) as number, written: written(v) } }
    case 'Range':
      return o && { kind: 'range', low: quantity(o['low']), high: quantity(o['high']) }
    case 'Ratio':
      return o && { kind: 'ratio', over: quantity(o['numerator']), under: quantity(o['denominator']) }
    case 'CodeableConcept':
    case 'Coding':
      return lift('concept', concept(v))
    case 'Boolean':
      return bool(v) === undefined ? undefined : { kind: 'yes', yes: bool(v) as boolean }
    case 'DateTime':
    case 'Date':
    case 'Instant':
      return lift('when', when(v)) ?? lift('text', str(v))
    case 'Period':
      return lift('span', span(v))
    case 'SampledData':
      return o && samples(o)
    case 'String':
    case 'Time':
    case 'Code':
    case 'Uri':
    case 'Markdown':
      return lift('text', str(v))
    default:
      return undefined
  }
}

function lift<K extends string, T>(kind: K, v: T | undefined): { [P in K]: T } & { kind: K } | undefined {
  return v === undefined ? undefined : ({ kind, [kind]: v } as { [P in K]: T } & { kind: K })
}

function samples(o: Obj): Value {
  const dimensions = Math.max(1, num(o['dimensions']) ?? 1)
  const data = typeof o['data'] === 'string' ? o['data'].trim() : ''
  const count = data === '' ? 0 : Math.floor((data.split(/\s+/, 2_000_000).length) / dimensions)
  return { kind: 'samples', count, seconds: (count * (num(o['period']) ?? 0)) / 1000 }
}

/** One reference range, for whom it holds in words, and what it is. */
export interface Range {
  readonly low?: Quantity | undefined
  readonly high?: Quantity | undefined
  readonly text?: string | undefined
  readonly meaning?: Concept | undefined
  readonly holdsFor: readonly Concept[]
}

export function ranges(v: unknown): readonly Range[] {
  return objs(v).map((o) => ({
    low: quantity(o['low']),
    high: quantity(o['high']),
    text: str(o['text']),
    meaning: concept(o['type']),
    holdsFor: objs(o['appliesTo']).map(concept).filter((c): c is Concept => c !== undefined),
  }))
}

/** The one range that a value is compared with: the normal one for everybody, if it is given. */
export function normal(all: readonly Range[]): Range | undefined {
  const plain = all.filter((r) => !r.meaning || r.meaning.codes.some((c) => c.code === 'normal'))
  return plain.find((r) => r.low ?? r.high) ?? plain[0]
}

