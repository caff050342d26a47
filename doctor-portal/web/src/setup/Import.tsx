import { Button, Buttons, FileInput, PassphraseInput, useTitle } from '@medunion/ui'
import { useState } from 'preact/hooks'
import { useWorkplace } from '../app/context.ts'
import { bytesOf } from '../app/files.ts'
import { TroubleCallout } from '../app/Trouble.tsx'
import { focusWrong, useWork } from '../app/work.ts'
import { t } from '../texts/index.ts'
import { OpenerChoice, useOpenerForm } from './OpenerChoice.tsx'

/** Takes the export of another workstation and seals it anew for this browser. */
export function Import({ onBack }: { onBack: () => void }) {
  useTitle(t('import.title'))
  const place = useWorkplace()
  const work = useWork()
  const form = useOpenerForm()
  const [files, setFiles] = useState<File[]>([])
  const [passphrase, setPassphrase] = useState('')
  const [tried, setTried] = useState(false)
  const bring = async (e: Event) => {
    e.preventDefault()
    setTried(true)
    const [file] = files
    if (!file || !passphrase) return focusWrong(e.currentTarget)
    const at = e.currentTarget
    await work.run(async () => {
      const opener = await form.opener('medunion')
      if (opener) await place.importStore(await bytesOf(file), passphrase, opener)
      else focusWrong(at)
    })
  }
  return (
    <form class="dp-column" onSubmit={(e) => void bring(e)} noValidate>
      <h1 class="mu-heading mu-heading--1">{t('import.title')}</h1>
      <p class="dp-lead">{t('import.text')}</p>
      {work.trouble && <TroubleCallout trouble={work.trouble} />}
      <FileInput label={t('import.file')} files={files} onFiles={setFiles} error={tried && files.length === 0 && t('import.fileNeeded')} />
      <PassphraseInput
        label={t('import.passphrase')}
        error={tried && !passphrase && t('import.passphraseNeeded')}
        value={passphrase}
        onInput={setPassphrase}
        autocomplete="off"
        width="wide"
      />
      <OpenerChoice form={form} />
      <Buttons>
        <Button kind="primary" type="submit" busy={work.busy}>{t('import.do')}</Button>
        <Button kind="quiet" onClick={onBack}>{t('app.back')}</Button>
      </Buttons>
    </form>
  )
}
