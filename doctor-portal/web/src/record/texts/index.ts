import { makeTexts } from '@medunion/ui'
import { codesEn } from './codes.en'
import { codesEs } from './codes.es'
import { en } from './en'
import { es } from './es'

/** The record's own texts: what its screens say, and FHIR's small code lists in words. */
export const t = makeTexts({ en: { ...en, ...codesEn }, es: { ...es, ...codesEs } })
