import { obj } from '../fhir/json'
import type { Entry, Group, Item } from '../types'
import * as clinical from './clinical'
import { item, type Reader } from './common'
import * as medication from './medication'
import { observation } from './observation'
import * as other from './other'
import { patient, someone } from './person'
import * as report from './report'

export { fold, matches, queryWords } from './search'
export { keyOf } from './common'

/** The readers by resource type, in the order in which a doctor wants to see them: who, what is dangerous, what is wrong. */
const readers = new Map<string, Reader>([
  ['Patient', patient],
  ['AllergyIntolerance', clinical.allergy],
  ['Condition', clinical.condition],
  ['MedicationRequest', medication.request],
  ['MedicationStatement', medication.statement],
  ['Medication', medication.substance],
  ['Observation', observation],
  ['DiagnosticReport', report.report],
  ['Encounter', clinical.encounter],
  ['Procedure', clinical.procedure],
  ['Immunization', clinical.immunization],
  ['MedicationAdministration', medication.administration],
  ['MedicationDispense', medication.dispense],
  ['ImagingStudy', report.imaging],
  ['DocumentReference', report.documentReference],
  ['Media', report.media],
  ['Composition', report.composition],
  ['Binary', report.binary],
  ['CarePlan', other.carePlan],
  ['Goal', other.goal],
  ['CareTeam', other.generic('plan')],
  ['ServiceRequest', other.generic('plan')],
  ['NutritionOrder', other.generic('plan')],
  ['Appointment', other.generic('plan')],
  ['FamilyMemberHistory', other.family],
  ['QuestionnaireResponse', other.answers],
  ['Device', other.device],
  ['DeviceUseStatement', other.generic('device')],
  ['Practitioner', someone],
  ['RelatedPerson', someone],
  ['PractitionerRole', other.generic('people')],
  ['Organization', other.organisation],
  ['Location', other.organisation],
  ['Claim', other.claim],
  ['ExplanationOfBenefit', other.claim],
  ['ClaimResponse', other.claim],
  ['Coverage', other.generic('claim')],
])

const ranks = new Map([...readers.keys()].map((type, i) => [type, i]))

/** The lower, the earlier a type is read. */
export function rank(type: string): number {
  return ranks.get(type) ?? 1000
}

/** The types of which the summary's first screen consists. */
export const firstTypes: ReadonlySet<string> = new Set(['Patient', 'AllergyIntolerance', 'Condition', 'MedicationRequest', 'MedicationStatement', 'Medication'])

const fallback = other.generic('other')

/** Reads one resource. What cannot be read becomes an item that says so, so that nothing is hidden. */
export function read(entry: Entry, parsed: unknown): Item {
  const o = obj(parsed)
  if (!o || o['resourceType'] !== entry.type) return broken(entry)
  try {
    return item(entry, o, (readers.get(entry.type) ?? fallback)(o))
  } catch {
    return broken(entry)
  }
}

function broken(entry: Entry): Item {
  const group: Group = 'other'
  return item(entry, {}, { group, facts: { kind: 'plain', lines: [], broken: true } })
}
