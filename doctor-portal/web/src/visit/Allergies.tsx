import { Tag } from '@medunion/ui'
import type { Visit } from '../app/practice.ts'
import type { Banner as Facts } from '../record/index.ts'
import { t } from '../texts/index.ts'

/**
 * The allergies in the banner. "None" is said only of what is here: it matters
 * whether hospitals are missing and whether allergies were shared at all.
 */
export function Allergies({ facts, visit }: { facts: Facts; visit: Visit }) {
  if (facts.allergies.length > 0) {
    return (
      <ul class="dp-allergies">
        {facts.allergies.map((a, i) => {
          const grave = a.severity === 'severe' || a.criticality === 'high'
          const how = [a.severity && t.find(`banner.severity.${a.severity}`), a.criticality === 'high' && t('banner.highRisk')].filter(Boolean).join(', ')
          return <li key={i}><Tag tone={grave ? 'bad' : 'warn'} icon="warning">{a.substance}{how && ` (${how})`}</Tag></li>
        })}
      </ul>
    )
  }
  return <span>{unknown(facts, visit)}</span>
}

function unknown(facts: Facts, visit: Visit): string {
  const here = visit.hospitals.filter((h) => h.receipt !== undefined)
  if (here.length === 0) return t('banner.allergiesUnknown')
  if (visit.consent && !visit.consent.grants.some((g) => g.classes.includes('ALLERGY'))) return t('banner.allergyClassMissing')
  const missing = visit.hospitals.length - here.length
  if (missing > 0) return t('banner.allergiesPart', { count: missing })
  return t(facts.noneKnown ? 'banner.allergiesNoneKnown' : 'banner.allergiesNone')
}
