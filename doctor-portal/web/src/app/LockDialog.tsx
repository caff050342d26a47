import { Button, Buttons, Dialog } from '@medunion/ui'
import { t } from '../texts/index.ts'
import { useWorkplace } from './context.ts'

/** Asks before a lock that ends visits. */
export function LockDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  const place = useWorkplace()
  const count = place.visits.filter((v) => v.state === 'open').length
  return (
    <Dialog
      open={open}
      title={t('lock.title')}
      onClose={onClose}
      actions={
        <Buttons>
          <Button kind="warning" icon="lock" onClick={() => void place.lock('asked')}>{t('lock.confirm')}</Button>
          <Button onClick={onClose}>{t('app.cancel')}</Button>
        </Buttons>
      }
    >
      <p>{t('lock.text', { count })}</p>
    </Dialog>
  )
}
