import { Button, Buttons, Dialog } from '@medunion/ui'
import { useState } from 'preact/hooks'
import { t } from '../texts/index.ts'
import { useWorkplace } from './context.ts'

/** Locks at once, or asks first when that would end a visit. */
export function LockButton() {
  const place = useWorkplace()
  const [asking, ask] = useState(false)
  const open = place.visits.filter((v) => v.state === 'open').length
  return (
    <>
      <Button size="small" icon="lock" onClick={() => (open > 0 ? ask(true) : void place.lock('asked'))}>{t('app.lock')}</Button>
      <Dialog
        open={asking}
        title={t('lock.title')}
        onClose={() => ask(false)}
        actions={
          <Buttons>
            <Button kind="warning" icon="lock" onClick={() => void place.lock('asked')}>{t('lock.confirm')}</Button>
            <Button onClick={() => ask(false)}>{t('app.cancel')}</Button>
          </Buttons>
        }
      >
        <p>{t('lock.text', { count: open })}</p>
      </Dialog>
    </>
  )
}
