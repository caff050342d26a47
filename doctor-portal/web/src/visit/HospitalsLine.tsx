import { Tag } from '@medunion/ui'
import type { Visit } from '../app/practice.ts'
import { link } from '../app/routes.ts'
import { t } from '../texts/index.ts'

/** Where the record comes from and what is missing of it, in one line above it. */
export function HospitalsLine({ visit }: { visit: Visit }) {
  return (
    <p class="dp-hospitals">
      {visit.hospitals.map((h) => (
        <Tag key={h.hospital} tone={h.receipt === undefined ? (h.state === 'failed' ? 'bad' : 'info') : 'ok'} icon={h.receipt === undefined ? (h.state === 'failed' ? 'stop' : 'clock') : 'check'}>
          {h.hospital} · {h.receipt === undefined ? t(`fetch.state.${h.state}`) : `${t('fetch.resources', { count: h.resources })}, ${t('fetch.state.verified')}`}
        </Tag>
      ))}
      {visit.hospitals.some((h) => h.receipt === undefined) && <a href={link({ at: 'visit', id: visit.id, tab: 'visit' })}>{t('fetch.retry')}</a>}
    </p>
  )
}
