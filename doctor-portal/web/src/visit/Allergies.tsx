import { Tag } from '@medunion/ui'
import type { Visit } from '../app/practice.ts'
import type { Banner as Facts } from '../record/index.ts'
import { t } from '../texts/index.ts'
import { allergyWords } from './allergyWords.ts'

/** The allergies in the banner, and what may be missing of them. */
export function Allergies({ facts, visit }: { facts: Facts; visit: Visit }) {
  const words = allergyWords(facts, visit.hospitals)
  return (
    <>
      {facts.allergies.length > 0 && (
        <ul class="dp-allergies">
          {facts.allergies.map((a, i) => {
            const grave = a.severity === 'severe' || a.criticality === 'high'
            const how = [a.severity && t.find(`banner.severity.${a.severity}`), a.criticality === 'high' && t('banner.highRisk')].filter(Boolean).join(', ')
            return <li key={i}><Tag tone={grave ? 'bad' : 'warn'} icon="warning">{a.substance}{how && ` (${how})`}</Tag></li>
          })}
        </ul>
      )}
      {words && <span>{words}</span>}
    </>
  )
}
