import { Button } from '@medunion/ui'
import { useWorkplace } from '../app/context.ts'
import type { HospitalProgress, Visit } from '../app/practice.ts'
import { TroubleCallout } from '../app/Trouble.tsx'
import { useNow, useWork } from '../app/work.ts'
import { t } from '../texts/index.ts'
import type { Room } from './rooms.ts'

export const failed = (h: HospitalProgress) => h.state === 'failed' || h.state === 'cancelled'

/** Asks one hospital again that failed, and no other, for the same part as before. */
export function RetryHospital({ visit, room, h }: { visit: Visit; room: Room; h: HospitalProgress }) {
  const { practice } = useWorkplace()
  const work = useWork()
  const over = useNow(5000) >= (visit.consent?.expires ?? 0)
  if (!failed(h) || over || visit.search?.state === 'running') return null
  const retry = () => work.run(() => practice.fetch(visit.id, { ...room.filter, hospital: h.hospital }))
  return (
    <>
      <Button size="small" icon="refresh" busy={work.busy} onClick={() => void retry()} aria-label={`${t('app.retry')}: ${h.hospital}`}>{t('app.retry')}</Button>
      {work.trouble && <TroubleCallout trouble={work.trouble} />}
    </>
  )
}
