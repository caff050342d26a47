import { Button, Buttons, Callout, Dialog } from '@medunion/ui'
import { useState } from 'preact/hooks'
import { useWorkplace } from '../app/context.ts'
import type { Visit } from '../app/practice.ts'
import { goTo } from '../app/routes.ts'
import { TroubleCallout } from '../app/Trouble.tsx'
import { useWork } from '../app/work.ts'
import { t } from '../texts/index.ts'
import { isEmpty } from './draft.ts'
import { saveEvidence } from './Evidence.tsx'
import type { Room } from './rooms.ts'

/** Asks before a visit ends, and says what would be lost. */
export function EndVisit({ visit, room }: { visit: Visit; room: Room }) {
  const place = useWorkplace()
  const work = useWork()
  const [asking, ask] = useState(false)
  const end = async () => {
    const ended = await work.run(async () => {
      const closed = await place.practice.close(visit.id)
      goTo({ at: 'home' })
      place.replace(closed)
    })
    if (ended) ask(false)
  }
  return (
    <>
      <Button size="small" onClick={() => ask(true)}>{t('banner.end')}</Button>
      <Dialog
        open={asking}
        title={t('end.title')}
        onClose={() => ask(false)}
        actions={
          <Buttons>
            <Button kind="warning" busy={work.busy} onClick={() => void end()}>{t('end.do')}</Button>
            <Button icon="download" onClick={() => void work.run(() => saveEvidence(place.practice, visit.id))}>{t('end.download')}</Button>
            <Button kind="quiet" onClick={() => ask(false)}>{t('app.cancel')}</Button>
          </Buttons>
        }
      >
        {work.trouble && <TroubleCallout trouble={work.trouble} />}
        <Lost visit={visit} room={room} />
        <p>{t('end.text')}</p>
      </Dialog>
    </>
  )
}

function Lost({ visit, room }: { visit: Visit; room: Room }) {
  if (!visit.diagnosis && !isEmpty(room.draft)) return <Callout tone="warn" title={t('end.draft')} />
  if (visit.diagnosis && visit.diagnosis.failures.length > 0) return <Callout tone="warn" title={t('end.failures')} />
  return visit.diagnosis ? null : <p>{t('end.noDiagnosis')}</p>
}
