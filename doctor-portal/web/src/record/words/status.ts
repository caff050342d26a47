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

/** Other codes that hospitals send without words, such as an encounter's class. */
export function codeWords(code: string): string {
  return t.find(`code.${code}`) ?? t.find(`interpretation.${code}`) ?? code
}
