import { has } from '../fhir/codes'
import { span, timing, when } from '../fhir/dates'
import { num, objs, str, strs } from '../fhir/json'
import { quantity } from '../fhir/value'
import type { Allergy, Reaction } from '../types'
import { codeOf, concept, concepts, dateOf, firstConcept, notes, reasons, refs, ref, words, type Reader } from './common'

/** SNOMED CT's statements that there is no allergy at all, or none to something. */
const noAllergy = ['716186003', '409137002', '428607008', '429625007', '716184000']

export const condition: Reader = (o) => {
  const clinical = codeOf(o['clinicalStatus'])
  const verification = codeOf(o['verificationStatus'])
  const onset = timing(o, 'onset')
  const recorded = when(o['recordedDate'])
  const abatement = timing(o, 'abatement')
  return {
    group: 'problem',
    concept: concept(o['code']),
    when: dateOf(onset) ?? recorded,
    until: dateOf(abatement),
    status: clinical ?? verification,
    active: verification !== 'refuted' && (clinical ? ['active', 'recurrence', 'relapse'].includes(clinical) : !abatement),
    wrong: verification === 'entered-in-error',
    facts: {
      kind: 'problem', clinical, verification, onset, abatement, recorded,
      severity: concept(o['severity']), sites: concepts(o['bodySite']), notes: notes(o['note']),
    },
  }
}

export const allergy: Reader = (o) => {
  const clinical = codeOf(o['clinicalStatus'])
  const verification = codeOf(o['verificationStatus'])
  const substance = concept(o['code'])
  const reactions = objs(o['reaction']).map(reaction)
  const facts: Allergy = {
    kind: 'allergy', clinical, verification, reactions,
    sort: str(o['type']), criticality: str(o['criticality']), categories: strs(o['category']),
    onset: timing(o, 'onset'), recorded: when(o['recordedDate']), last: when(o['lastOccurrence']),
    none: has(substance, ...noAllergy), notes: notes(o['note']),
  }
  return {
    group: 'allergy',
    title: substance?.text ?? reactions.find((r) => r.substance)?.substance,
    concept: substance,
    when: facts.recorded ?? dateOf(facts.onset),
    status: clinical ?? verification,
    active: verification !== 'refuted' && clinical !== 'inactive' && clinical !== 'resolved',
    wrong: verification === 'entered-in-error',
    facts,
  }
}

function reaction(o: { readonly [k: string]: unknown }): Reaction {
  const described = str(o['description'])
  const manifestations = concepts(o['manifestation']).map((c) => c.text)
  return { manifestations: described && manifestations.length === 0 ? [described] : manifestations, severity: str(o['severity']), substance: words(o['substance']) }
}

export const immunization: Reader = (o) => {
  const occurrence = timing(o, 'occurrence')
  return {
    group: 'immunization',
    concept: concept(o['vaccineCode']),
    when: dateOf(occurrence) ?? when(o['recorded']),
    facts: {
      kind: 'immunization', occurrence, given: o['status'] !== 'not-done' && o['status'] !== 'entered-in-error',
      statusReason: words(o['statusReason']), lot: str(o['lotNumber']), site: words(o['site']), route: words(o['route']),
      dose: quantity(o['doseQuantity']), protocol: objs(o['protocolApplied']).map(dose).filter((x) => x !== ''), notes: notes(o['note']),
    },
  }
}

/** "2/3 Hepatitis B": which dose of how many, in what series. */
function dose(o: { readonly [k: string]: unknown }): string {
  const number = num(o['doseNumberPositiveInt']) ?? str(o['doseNumberString'])
  const of = num(o['seriesDosesPositiveInt']) ?? str(o['seriesDosesString'])
  return [number === undefined ? undefined : of === undefined ? String(number) : `${number}/${of}`, str(o['series'])].filter(Boolean).join(' ')
}

export const procedure: Reader = (o) => {
  const performed = timing(o, 'performed')
  return {
    group: 'procedure',
    concept: concept(o['code']),
    when: dateOf(performed),
    until: performed?.span?.end,
    active: o['status'] === 'in-progress' || o['status'] === 'preparation',
    facts: {
      kind: 'procedure', performed, reasons: reasons(o), sites: concepts(o['bodySite']), outcome: words(o['outcome']),
      by: objs(o['performer']).flatMap((p) => refs(p['actor'])), notes: notes(o['note']),
    },
  }
}

export const encounter: Reader = (o) => {
  const period = span(o['period'])
  const sort = codeOf(o['class'])
  const why = reasons(o)
  const told = why.find((r): r is string => typeof r === 'string')
  return {
    group: 'encounter',
    title: words(o['type']) ?? told,
    concept: firstConcept(o['type']),
    when: period?.start ?? period?.end,
    until: period?.end,
    active: o['status'] === 'in-progress' || o['status'] === 'arrived' || o['status'] === 'onleave',
    facts: {
      kind: 'encounter', sort, period, reasons: why,
      diagnoses: objs(o['diagnosis']).flatMap((d) => refs(d['condition'])),
      people: objs(o['participant']).flatMap((p) => refs(p['individual'])),
      place: ref(o['serviceProvider']) ?? ref(objs(o['location'])[0]?.['location']),
      discharge: words((o['hospitalization'] as { dischargeDisposition?: unknown } | undefined)?.dischargeDisposition),
    },
  }
}
