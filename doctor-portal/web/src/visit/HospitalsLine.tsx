import { Tag } from '@medunion/ui'
import type { HospitalProgress, Visit } from '../app/practice.ts'
import { t } from '../texts/index.ts'
import { RetryHospital } from './RetryHospital.tsx'
import type { Room } from './rooms.ts'

/** Where the record comes from and what is missing of it, in one line above it. */
export function HospitalsLine({ visit, room }: { visit: Visit; room: Room }) {
  return <div class="dp-hospitals">{visit.hospitals.map((h) => <Hospital key={h.hospital} visit={visit} room={room} h={h} />)}</div>
}

function Hospital({ visit, room, h }: { visit: Visit; room: Room; h: HospitalProgress }) {
  if (h.receipt !== undefined) return <Tag tone="ok" icon="check">{h.hospital} · {t('fetch.resources', { count: h.resources })}, {t('fetch.state.verified')}</Tag>
  return (
    <>
      <Tag tone={h.state === 'failed' ? 'bad' : 'info'} icon={h.state === 'failed' ? 'stop' : 'clock'}>{h.hospital} · {t(`fetch.state.${h.state}`)}</Tag>
      <RetryHospital visit={visit} room={room} h={h} />
    </>
  )
}
