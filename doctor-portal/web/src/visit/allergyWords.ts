import type { HospitalProgress } from '../app/practice.ts'
import type { Banner as Facts } from '../record/index.ts'
import { t } from '../texts/index.ts'

/**
 * What the banner says beside the allergies, or instead of them. "None" is only said of
 * what is here: a hospital may be missing, and the patient may not have shared them.
 */
export function allergyWords(facts: Pick<Facts, 'allergies' | 'noneKnown'>, hospitals: readonly HospitalProgress[]): string {
  const here = hospitals.filter((h) => h.receipt !== undefined).length
  if (here === 0) return t('banner.allergiesUnknown')
  const missing = hospitals.length - here
  const doubts = [
    hospitals.some((h) => h.withheld.classes.includes('ALLERGY')) && t('banner.allergiesWithheld'),
    missing > 0 && t('banner.allergiesMissing', { count: missing }),
  ].filter(Boolean)
  const none = facts.allergies.length > 0 ? '' : t(facts.noneKnown && doubts.length === 0 ? 'banner.allergiesNoneKnown' : 'banner.allergiesNone')
  return [none, ...doubts].filter(Boolean).join('; ')
}
