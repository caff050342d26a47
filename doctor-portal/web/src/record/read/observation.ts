import { codeOf, concept, concepts, type Concept } from '../fhir/codes'
import { timing, when } from '../fhir/dates'
import { obj, objs, type Obj } from '../fhir/json'
import { notes, ref, refs } from '../fhir/names'
import { normal, ranges, value, type Range, type Value } from '../fhir/value'
import type { Component, Flag, Group, Observation } from '../types'
import { dateOf, words, type Reader } from './common'

/**
 * HL7 v3 ObservationInterpretation, as far as it says how far from normal a value is. Positive
 * and detected are not among them: whether that is bad depends on what was asked.
 */
const flags = new Map<string, Flag>([
  ['HH', 'critical-high'], ['LL', 'critical-low'], ['AA', 'abnormal'], ['HU', 'critical-high'], ['LU', 'critical-low'],
  ['H', 'high'], ['L', 'low'], ['A', 'abnormal'], ['H>', 'high'], ['L<', 'low'], ['HX', 'high'], ['LX', 'low'], ['>', 'high'], ['<', 'low'],
  ['N', 'normal'],
])

/** LOINC codes of vital signs (FHIR's profile), for observations without a category. */
const vitals = new Set(['85353-1', '9279-1', '8867-4', '2708-6', '59408-5', '8310-5', '8302-2', '9843-4', '29463-7', '39156-5', '85354-9', '55284-4', '8480-6', '8462-4'])

export const observation: Reader = (o) => {
  const effective = timing(o, 'effective')
  const c = concept(o['code'])
  const facts: Observation = {
    kind: 'observation',
    ...part(o, c),
    components: objs(o['component']).map((x) => part(x, concept(x['code']))),
    members: refs(o['hasMember']),
    method: words(o['method']),
    specimen: ref(o['specimen']),
    site: words(o['bodySite']),
    by: refs(o['performer']),
    issued: when(o['issued']),
    notes: notes(o['note']),
  }
  return { group: groupOf(o, c), concept: c, when: dateOf(effective) ?? facts.issued, facts, active: o['status'] === 'registered' || o['status'] === 'preliminary' }
}

function groupOf(o: Obj, c?: Concept): Group {
  const categories = concepts(o['category']).flatMap((x) => x.codes.map((y) => y.code))
  if (categories.includes('vital-signs')) return 'vital'
  if (categories.includes('laboratory') || categories.includes('imaging') || categories.includes('exam') || categories.includes('procedure')) return 'result'
  if (categories.includes('social-history') || categories.includes('survey') || categories.includes('activity')) return 'social'
  return c?.codes.some((x) => x.code !== undefined && vitals.has(x.code)) ? 'vital' : 'result'
}

function part(o: Obj, c?: Concept): Component {
  const v = value(o)
  const limits = ranges(o['referenceRange'])
  const said = concepts(o['interpretation'])
  const coded = said.flatMap((x) => x.codes.map((y) => flags.get(y.code ?? ''))).filter((f): f is Flag => f !== undefined)
  return {
    concept: c,
    value: v,
    absent: v ? undefined : codeOf(o['dataAbsentReason']) ?? (obj(o['_valueQuantity'] ?? o['_valueString']) ? 'unknown' : undefined),
    flags: coded.length > 0 ? coded : compared(v, normal(limits)),
    says: said.filter((x) => !x.codes.some((y) => flags.has(y.code ?? ''))).map((x) => x.text),
    ranges: limits,
  }
}

/**
 * What a value is against the hospital's own range where the hospital says nothing itself.
 * Values with a comparator or in another unit than the range are not judged.
 */
function compared(v?: Value, r?: Range): Flag[] {
  if (!r || v?.kind !== 'quantity') return []
  const { n, comparator, code } = v.quantity
  const known = [r.low, r.high].every((q) => !q || !q.code || !code || q.code === code)
  if (comparator || !known || !(r.low ?? r.high)) return []
  if (r.low && n < r.low.n) return ['low']
  if (r.high && n > r.high.n) return ['high']
  return ['normal']
}

/** The gravest of some flags; undefined if nothing was said. */
export function gravest(all: readonly Flag[]): Flag | undefined {
  const order: readonly Flag[] = ['critical-high', 'critical-low', 'high', 'low', 'abnormal', 'normal']
  return order.find((f) => all.includes(f))
}

/** The flags of an observation and of all its components. */
export function flagsOf(o: Observation): readonly Flag[] {
  return [...o.flags, ...o.components.flatMap((c) => c.flags)]
}
