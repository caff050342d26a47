import { codeOf, concepts } from '../fhir/codes'
import { when } from '../fhir/dates'
import { objs, str, type Obj } from '../fhir/json'
import { addressLine, allNames, personName } from '../fhir/names'
import type { Person } from '../types'
import { words, type Reader } from './common'

export function person(o: Obj): Person {
  return {
    kind: 'person',
    name: personName(o['name']),
    names: allNames(o['name']),
    sex: str(o['gender']),
    born: when(o['birthDate']),
    died: when(o['deceasedDateTime']) ?? (o['deceasedBoolean'] === true ? true : undefined),
    address: objs(o['address']).map(addressLine).find((a) => a !== undefined),
    contacts: objs(o['telecom']).map((t) => str(t['value'])).filter((t): t is string => t !== undefined),
    identifiers: objs(o['identifier']).flatMap((i) => {
      const value = str(i['value'])
      return value ? [{ name: words(i['type']) ?? str(i['system']), value }] : []
    }),
    languages: objs(o['communication']).flatMap((c) => concepts(c['language']).map((l) => l.text)),
  }
}

export const patient: Reader = (o) => {
  const facts = person(o)
  return { group: 'patient', title: facts.name, active: true, facts }
}

/** Practitioners and related persons. */
export const someone: Reader = (o) => {
  const facts = person(o)
  return { group: 'people', title: facts.name ?? words(o['relationship']) ?? codeOf(o['code']), facts }
}
