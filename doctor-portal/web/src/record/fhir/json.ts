import { LosslessNumber, parse as parseLossless } from 'lossless-json'

/**
 * Access to parsed JSON that a hospital wrote. Nothing is assumed of its shape: what is
 * absent or of another type reads as undefined or as an empty list.
 */
export type Obj = { readonly [key: string]: unknown }

/** What a text may hold at most where it is shown in a list; the whole text stands in the raw resource. */
const longest = 4000

/** Control characters, and those that change the direction of the text after them. */
// eslint-disable-next-line no-control-regex
const controls = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g

/** A number that is written otherwise than JavaScript would: 7.0, 1.50, 2e3. Where a text merely looks so, nothing is lost but time. */
const otherwise = /[:,[\s]-?(?:0|[1-9]\d*)(?:\.(?:\d*0|\d{17,})|(?:\.\d+)?[eE][-+]?\d+)\s*[,\]}]/

/**
 * Reads JSON and keeps how its numbers are written, as a decimal's zeros tell how exact it
 * is. What is no JSON reads as undefined.
 */
export function parse(json: string): unknown {
  try {
    if (otherwise.test(json)) return parseLossless(json, undefined, asWritten)
  } catch {
    // Names that stand twice, or no JSON at all.
  }
  try {
    return JSON.parse(json) as unknown
  } catch {
    return undefined
  }
}

function asWritten(text: string): number | LosslessNumber {
  return String(Number(text)) === text ? Number(text) : new LosslessNumber(text)
}

export function obj(v: unknown): Obj | undefined {
  return typeof v === 'object' && v !== null && !Array.isArray(v) && !(v instanceof LosslessNumber) ? (v as Obj) : undefined
}

export function list(v: unknown): readonly unknown[] {
  return Array.isArray(v) ? v : []
}

/** The objects of a list. One object where FHIR has a list counts as a list of one. */
export function objs(v: unknown): readonly Obj[] {
  const one = obj(v)
  if (one) return [one]
  return list(v).filter((x): x is Obj => obj(x) !== undefined)
}

/** A text cut to a length at which it can still be a name or a remark in a list. */
export function brief(text: string, most = 300): string {
  return text.length > most ? `${text.slice(0, most)}…` : text
}

/** A text without control characters, or undefined if nothing is left of it. */
export function str(v: unknown): string | undefined {
  if (typeof v !== 'string') return undefined
  const clean = (v.length > longest ? v.slice(0, longest) + '…' : v).replace(controls, '').trim()
  return clean === '' ? undefined : clean
}

export function strs(v: unknown): readonly string[] {
  return list(v).map(str).filter((x): x is string => x !== undefined)
}

export function num(v: unknown): number | undefined {
  const n = v instanceof LosslessNumber ? Number(v.value) : v
  return typeof n === 'number' && Number.isFinite(n) ? n : undefined
}

/** A number as the hospital wrote it, or undefined if that says no more than the number. */
export function written(v: unknown): string | undefined {
  return v instanceof LosslessNumber ? v.value : undefined
}

/** A number in full, as it is written. */
export function digits(v: unknown): string | undefined {
  const n = num(v)
  return n === undefined ? undefined : (written(v) ?? String(n))
}

export function bool(v: unknown): boolean | undefined {
  return typeof v === 'boolean' ? v : undefined
}

/** The field of a choice type such as value[x]: its type's name and its content. */
export function choice(o: Obj, stem: string): { type: string; value: unknown } | undefined {
  for (const key of Object.keys(o)) {
    const type = key.slice(stem.length)
    if (o[key] !== undefined && o[key] !== null && key.startsWith(stem) && type !== '' && type[0] === type[0]?.toUpperCase()) return { type, value: o[key] }
  }
  return undefined
}

/** Removes what is empty, so that optional properties are absent rather than undefined. */
export function some<T>(...values: readonly (T | undefined)[]): T[] {
  return values.filter((x): x is T => x !== undefined)
}
