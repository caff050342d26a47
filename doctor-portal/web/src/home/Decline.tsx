import { Button, Buttons, Dialog } from '@medunion/ui'
import { useWorkplace } from '../app/context.ts'
import type { Visit } from '../app/practice.ts'
import { TroubleCallout } from '../app/Trouble.tsx'
import { useWork } from '../app/work.ts'
import { t } from '../texts/index.ts'
import { nameOf } from './PersonName.tsx'

/** Asks before a waiting patient is sent away. */
export function Decline({ visit, open, onClose }: { visit: Visit; open: boolean; onClose: () => void }) {
  const place = useWorkplace()
  const work = useWork()
  const decline = async () => {
    if (await work.run(async () => place.replace(await place.practice.close(visit.id)))) onClose()
  }
  return (
    <Dialog
      open={open}
      title={t('waiting.declineTitle', { name: nameOf(place.people.of(visit.id)?.person) })}
      onClose={onClose}
      actions={
        <Buttons>
          <Button kind="warning" busy={work.busy} onClick={() => void decline()}>{t('waiting.declineDo')}</Button>
          <Button onClick={onClose}>{t('app.cancel')}</Button>
        </Buttons>
      }
    >
      {work.trouble && <TroubleCallout trouble={work.trouble} />}
      <p>{t('waiting.declineText')}</p>
    </Dialog>
  )
}
