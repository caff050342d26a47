import { announce, Button } from '@medunion/ui'
import { useState } from 'preact/hooks'
import { useWorkplace } from '../app/context.ts'
import { day, save } from '../app/files.ts'
import { strength } from '../app/strength.ts'
import { TroubleCallout } from '../app/Trouble.tsx'
import { focusWrong, useWork } from '../app/work.ts'
import { NewPassphrase } from '../setup/OpenerChoice.tsx'
import { t } from '../texts/index.ts'

/** Saves the identity as a file, sealed under a passphrase of its own. */
export function ExportForm({ onDone }: { onDone?: () => void }) {
  const { practice, doctor } = useWorkplace()
  const work = useWork()
  const [passphrase, setPassphrase] = useState('')
  const [repeat, setRepeat] = useState('')
  const [tried, setTried] = useState(false)
  const [done, setDone] = useState(false)
  const make = async (e: Event) => {
    e.preventDefault()
    setTried(true)
    if (strength(passphrase) === 'short' || passphrase !== repeat) return focusWrong(e.currentTarget)
    const saved = await work.run(async () => {
      save(`medunion-${doctor?.id ?? 'keys'}-${day()}.keys`, 'application/octet-stream', await practice.exportStore(passphrase))
    })
    if (!saved) return
    announce(t('signOut.exported'))
    setDone(true)
    setPassphrase('')
    setRepeat('')
    setTried(false)
    onDone?.()
  }
  return (
    <form onSubmit={(e) => void make(e)} noValidate>
      {work.trouble && <TroubleCallout trouble={work.trouble} />}
      <NewPassphrase form={{ passphrase, setPassphrase, repeat, setRepeat, tried }} label={t('keys.exportPassphrase')} />
      <Button type="submit" icon="download" busy={work.busy}>{t('keys.exportDo')}</Button>
      {done && <p role="status" class="dp-after">{t('keys.exported')}</p>}
    </form>
  )
}
