import { Button, Buttons, Checkbox, Dialog, FieldError, Radios } from '@medunion/ui'
import { useState } from 'preact/hooks'
import { ExportForm } from '../keys/Export.tsx'
import { t } from '../texts/index.ts'
import { useWorkplace } from './context.ts'
import { TroubleCallout } from './Trouble.tsx'
import { useWork } from './work.ts'

type What = 'keep' | 'erase'

/** Signs out: wipes the memory, and the sealed keys too if that is said twice. */
export function SignOut({ open, onClose }: { open: boolean; onClose: () => void }) {
  const place = useWorkplace()
  const work = useWork()
  const [what, setWhat] = useState<What>('keep')
  const [sure, setSure] = useState(false)
  const [tried, setTried] = useState(false)
  const visits = place.visits.filter((v) => v.state === 'open').length
  const out = () => {
    setTried(true)
    if (what === 'keep') return void work.run(() => place.lock('signedOut'))
    if (sure) void work.run(() => place.erase())
  }
  return (
    <Dialog
      open={open}
      title={t('signOut.title')}
      onClose={onClose}
      actions={
        <Buttons>
          <Button kind={what === 'erase' ? 'warning' : 'primary'} busy={work.busy} onClick={out}>{t(what === 'erase' ? 'signOut.doErase' : 'signOut.do')}</Button>
          <Button onClick={onClose}>{t('app.cancel')}</Button>
        </Buttons>
      }
    >
      {work.trouble && <TroubleCallout trouble={work.trouble} />}
      {visits > 0 && <p>{t('signOut.ends', { count: visits })}</p>}
      <Radios<What>
        label={t('signOut.what')}
        value={what}
        onChange={setWhat}
        options={[
          { value: 'keep', label: t('signOut.keep'), hint: t('signOut.keepHint') },
          { value: 'erase', label: t('signOut.erase'), hint: t('signOut.eraseHint') },
        ]}
      />
      {what === 'erase' && (
        <>
          <ExportForm onDone={() => setSure(true)} />
          {tried && !sure && <FieldError id="sign-out-sure">{t('signOut.sureNeeded')}</FieldError>}
          <Checkbox id="sign-out-sure" label={t('signOut.sure')} checked={sure} onChange={setSure} />
        </>
      )}
    </Dialog>
  )
}
