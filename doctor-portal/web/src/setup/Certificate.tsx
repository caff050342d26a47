import { Button, Buttons, FileInput, TextArea, useTitle } from '@medunion/ui'
import { useState } from 'preact/hooks'
import { useWorkplace } from '../app/context.ts'
import { TroubleCallout } from '../app/Trouble.tsx'
import { focusWrong, useWork } from '../app/work.ts'
import { t } from '../texts/index.ts'
import { certificateText } from './certificateText.ts'
import { StepHeading } from './StepHeading.tsx'

/** Takes Cert_D, pasted or from a file. */
export function Certificate({ onBack }: { onBack: () => void }) {
  useTitle(t('certificate.title'))
  const place = useWorkplace()
  const work = useWork()
  const [text, setText] = useState('')
  const [files, setFiles] = useState<File[]>([])
  const [wrong, setWrong] = useState<'certificate.needed' | 'certificate.form'>()
  const load = async (chosen: File[]) => {
    setFiles(chosen)
    if (chosen[0]) setText((await chosen[0].text()).trim())
  }
  const keep = async (e: Event) => {
    e.preventDefault()
    const jwt = certificateText(text)
    setWrong(text.trim() ? (jwt ? undefined : 'certificate.form') : 'certificate.needed')
    if (!jwt) return focusWrong(e.currentTarget)
    await work.run(async () => {
      await place.practice.setCertificate(jwt)
      await place.look()
    })
  }
  return (
    <form class="dp-column" onSubmit={(e) => void keep(e)} noValidate>
      <StepHeading step={3}>{t('certificate.title')}</StepHeading>
      <p class="dp-lead">{t('certificate.text')}</p>
      {work.trouble && <TroubleCallout trouble={work.trouble} />}
      <TextArea label={t('certificate.label')} error={wrong && t(wrong)} value={text} onInput={setText} rows={6} spellcheck={false} />
      <FileInput label={t('certificate.file')} files={files} onFiles={(f) => void load(f)} accept=".jwt,.txt,.json,application/json,text/plain" />
      <Buttons>
        <Button kind="primary" type="submit" busy={work.busy}>{t('certificate.do')}</Button>
        <Button kind="quiet" onClick={onBack}>{t('app.back')}</Button>
      </Buttons>
    </form>
  )
}
