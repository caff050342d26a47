import { t } from '../texts'
import type { Flag } from '../types'

/** A status code of FHIR in words; a code that is unknown stays as it is. */
export function statusWords(code: string): string {
  return t.find(`status.${code}`) ?? code
}

export function severityWords(code: string): string {
  return t.find(`severity.${code}`) ?? code
}

export function flagWords(flag: Flag): string {
  return t(`flag.${flag}`)
}

/** FHIR's small code lists that hospitals send without words. */
export type List = 'class' | 'interpretation' | 'claim' | 'allergen' | 'use'

/** A code of one of them in words; what is not in the list stays as it is. */
export function codeWords(list: List, code: string): string {
  return t.find(`${list}.${code}`) ?? code
}

const lists: readonly [RegExp, List][] = [[/v3-ActCode$|encounter-class/, 'class'], [/ObservationInterpretation$/, 'interpretation'], [/claim-type$/, 'claim']]

/** The words of a bare code of a code system. */
export function systemWords(system: string | undefined, code: string): string {
  const list = lists.find(([pattern]) => system !== undefined && pattern.test(system))?.[1]
  return list ? codeWords(list, code) : code
}
