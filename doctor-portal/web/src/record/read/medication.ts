import { codeOf, concept, concepts } from '../fhir/codes'
import { span, when } from '../fhir/dates'
import { bool, num, obj, objs, str, strs, type Obj } from '../fhir/json'
import { notes, ref, refs } from '../fhir/names'
import { quantity, value, type Value } from '../fhir/value'
import type { Dosage, DoseTiming, Medication } from '../types'
import { reasons, words, type Found, type Reader } from './common'

/** A medication's name: its code, or else what its contained Medication says. */
function named(o: Obj): Pick<Found, 'concept' | 'title'> & { reference: ReturnType<typeof ref> } {
  const reference = ref(o['medicationReference'])
  const inside = reference?.to?.startsWith('#') ? objs(o['contained']).find((c) => c['id'] === reference.to?.slice(1)) : undefined
  const c = concept(o['medicationCodeableConcept']) ?? concept(inside?.['code'])
  return { concept: c, title: c?.text ?? reference?.words, reference: c ? undefined : reference }
}

function found(o: Obj, facts: Omit<Medication, 'kind' | 'reference' | 'statusReasons' | 'notes'>, rest: Omit<Found, 'facts' | 'group'>): Found {
  const { reference, ...name } = named(o)
  return {
    group: 'medication', ...name, ...rest,
    facts: { kind: 'medication', reference, statusReasons: concepts(o['statusReason']).map((c) => c.text), notes: notes(o['note']), ...facts },
  }
}

export const request: Reader = (o) =>
  found(
    o,
    {
      sort: 'request', intent: str(o['intent']), dosages: objs(o['dosageInstruction']).map(dosage), reasons: reasons(o), by: ref(o['requester']),
      taken: span(obj(o['dispenseRequest'])?.['validityPeriod']),
    },
    { when: when(o['authoredOn']), active: o['status'] === 'active' || o['status'] === 'on-hold' },
  )

export const statement: Reader = (o) => {
  const taken = span(o['effectivePeriod'])
  return found(
    o,
    { sort: 'statement', dosages: objs(o['dosage']).map(dosage), reasons: reasons(o), by: ref(o['informationSource']), taken },
    { when: when(o['effectiveDateTime']) ?? taken?.start ?? when(o['dateAsserted']), until: taken?.end, active: ['active', 'intended', 'on-hold'].includes(str(o['status']) ?? '') },
  )
}

export const administration: Reader = (o) => {
  const taken = span(o['effectivePeriod'])
  const given = obj(o['dosage'])
  return found(
    o,
    { sort: 'administration', dosages: given ? [administered(given)] : [], reasons: reasons(o), by: refs(objs(o['performer'])[0]?.['actor'])[0], taken },
    { when: when(o['effectiveDateTime']) ?? taken?.start, until: taken?.end, active: o['status'] === 'in-progress' },
  )
}

export const dispense: Reader = (o) =>
  found(
    o,
    { sort: 'dispense', dosages: objs(o['dosageInstruction']).map(dosage), reasons: [], by: refs(objs(o['performer'])[0]?.['actor'])[0] },
    { when: when(o['whenHandedOver']) ?? when(o['whenPrepared']), active: false },
  )

/** A Medication by itself: what something consists of, which others refer to. */
export const substance: Reader = (o) => ({
  group: 'other',
  concept: concept(o['code']),
  facts: {
    kind: 'plain',
    lines: [
      ...(words(o['form']) ? [{ label: 'form', text: words(o['form']) as string }] : []),
      ...objs(o['ingredient']).flatMap((i) => {
        const name = words(i['itemCodeableConcept']) ?? ref(i['itemReference'])
        return name ? [{ label: 'ingredient', text: name }] : []
      }),
    ],
  },
})

function administered(o: Obj): Dosage {
  const amount = choiceOf(quantity(o['dose']))
  const rate = value({ valueRatio: o['rateRatio'] }) ?? choiceOf(quantity(o['rateQuantity']))
  return {
    text: str(o['text']), doses: amount ? [{ amount }] : [], rates: rate && (o['rateRatio'] ?? o['rateQuantity']) ? [rate] : [],
    asNeeded: false, route: words(o['route']), site: words(o['site']), method: words(o['method']), more: [],
  }
}

function choiceOf(q: ReturnType<typeof quantity>): Value | undefined {
  return q && { kind: 'quantity', quantity: q }
}

/** A dose or rate that is a quantity, a range or a ratio. */
function amount(o: Obj, stem: string): Value | undefined {
  const q = choiceOf(quantity(o[stem + 'Quantity']))
  if (q) return q
  if (obj(o[stem + 'Range'])) return value({ valueRange: o[stem + 'Range'] })
  return obj(o[stem + 'Ratio']) ? value({ valueRatio: o[stem + 'Ratio'] }) : undefined
}

export function dosage(o: Obj): Dosage {
  const given = objs(o['doseAndRate'])
  return {
    text: str(o['text']) ?? str(o['patientInstruction']),
    doses: given.flatMap((d) => {
      const a = amount(d, 'dose')
      return a ? [{ amount: a, sort: words(d['type']) }] : []
    }),
    rates: given.flatMap((d) => amount(d, 'rate') ?? []),
    timing: doseTiming(obj(o['timing'])),
    asNeeded: bool(o['asNeededBoolean']) === true || obj(o['asNeededCodeableConcept']) !== undefined,
    neededFor: words(o['asNeededCodeableConcept']),
    route: words(o['route']),
    site: words(o['site']),
    method: words(o['method']),
    max: obj(o['maxDosePerPeriod']) ? value({ valueRatio: o['maxDosePerPeriod'] }) : choiceOf(quantity(o['maxDosePerAdministration'])),
    more: concepts(o['additionalInstruction']).map((c) => c.text),
  }
}

function doseTiming(o: Obj | undefined): DoseTiming | undefined {
  const r = obj(o?.['repeat'])
  const code = concept(o?.['code'])
  if (!r && !code) return undefined
  return {
    text: code && !code.bare ? code.text : undefined,
    code: codeOf(o?.['code']),
    frequency: num(r?.['frequency']),
    frequencyMax: num(r?.['frequencyMax']),
    period: num(r?.['period']),
    periodMax: num(r?.['periodMax']),
    unit: str(r?.['periodUnit']),
    count: num(r?.['count']),
    days: strs(r?.['dayOfWeek']),
    times: strs(r?.['timeOfDay']).map((t) => t.slice(0, 5)),
    events: strs(r?.['when']),
    offset: num(r?.['offset']),
    bounds: span(r?.['boundsPeriod']),
    lasting: quantity(r?.['boundsDuration']),
  }
}
