import { makeTexts } from '@medunion/ui'
import { en } from './en.ts'
import { es } from './es.ts'

/** The doctor's page in the reader's language. */
export const t = makeTexts({ en, es })

/** A code of the signed parameters (department, class, purpose) in words; the code itself if we have none. */
export function codeWords(kind: 'department' | 'class' | 'purpose', code: string): string {
  return t.find(`${kind}.${code}`) ?? code
}

/** Codes in words, with commas. */
export function codeList(kind: 'department' | 'class', codes: readonly string[]): string {
  return codes.map((c) => codeWords(kind, c)).join(', ')
}
