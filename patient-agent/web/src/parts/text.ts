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

// What a doctor would ask for first stands first: the order of the texts.
const order = new Map(Object.keys(en).map((key, i) => [key, i]))
const place = (code: string) => order.get(`class.${code}`) ?? order.get(`department.${code}`) ?? Infinity

/** Codes in the order in which people look for them. */
export const sorted = (codes: readonly string[]) => [...codes].sort((a, b) => place(a) - place(b) || a.localeCompare(b))

/** "Allergies, Medicines" */
export const listed = (codes: readonly string[], name: (code: string) => string) => sorted(codes).map(name).join(', ')

const brief = 4

/** "Allergies, Illnesses, Medicines and 7 more", where the whole list stands elsewhere. */
export function briefly(codes: readonly string[], name: (code: string) => string): string {
  if (codes.length <= brief + 1) return listed(codes, name)
  return t('list.more', { list: sorted(codes).slice(0, brief).map(name).join(', '), count: codes.length - brief })
}

/** "24 hours" or "3 days". */
export const duration = (hours: number) =>
  hours > 24 && hours % 24 === 0 ? t('days', { count: hours / 24 }) : t('hours', { count: hours })
