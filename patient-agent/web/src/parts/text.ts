import { makeTexts } from '@medunion/ui'
import { hospitalName, readable } from '../logic/words.ts'
import { en } from '../texts/en.ts'
import { es } from '../texts/es.ts'

export const t = makeTexts({ en, es })

const coded = (group: string) => (code: string) => t.find(`${group}.${code}`) ?? readable(code)

export const departmentName = coded('department')
export const className = coded('class')
export const purposeName = coded('purpose')
export { hospitalName }

/** "Allergies, Medicines": codes in words, in the order of the list. */
export const listed = (codes: readonly string[], name: (code: string) => string) => codes.map(name).join(', ')

/** "24 hours" or "3 days". */
export const duration = (hours: number) =>
  hours > 24 && hours % 24 === 0 ? t('days', { count: hours / 24 }) : t('hours', { count: hours })
