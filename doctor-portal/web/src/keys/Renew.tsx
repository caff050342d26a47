import { Button, Buttons, CopyButton, TextArea } from '@medunion/ui'
import { useState } from 'preact/hooks'
import { useWorkplace } from '../app/context.ts'
import { save } from '../app/files.ts'
import type { Doctor } from '../app/practice.ts'
import { TroubleCallout } from '../app/Trouble.tsx'
import { focusWrong, useWork } from '../app/work.ts'
import { certificateText } from '../setup/certificateText.ts'
import { t } from '../texts/index.ts'

/** A new certificate for the keys that are here: asks for one, takes it, and renews the registration with it. */
export function Renew({ doctor }: { doctor: Doctor }) {
  return (
    <>
      <p>{t('keys.renewText')}</p>
      {doctor.licence && <Ask doctor={doctor} />}
      <Take />
    </>
  )
}

/** The request names what the present certificate does. */
function Ask({ doctor }: { doctor: Doctor }) {
  const { practice } = useWorkplace()
  const work = useWork()
  const [request, setRequest] = useState<string>()
  const make = () =>
    work.run(async () => {
      const person = { name: doctor.name ?? '', licence: doctor.licence ?? '', departments: doctor.departments ?? [] }
      setRequest(await practice.requestCertificate({ ...person, ...(doctor.affiliation && { affiliation: doctor.affiliation }) }))
    })
  if (request === undefined)
    return (
      <>
        {work.trouble && <TroubleCallout trouble={work.trouble} />}
        <Button busy={work.busy} onClick={() => void make()}>{t('request.do')}</Button>
      </>
    )
  return (
    <>
      <TextArea label={t('request.label')} value={request} onInput={() => undefined} readOnly rows={4} spellcheck={false} />
      <Buttons>
        <CopyButton text={request}>{t('app.copy')}</CopyButton>
        <Button icon="download" onClick={() => save('certificate-request.json', 'application/json', request)}>{t('app.download')}</Button>
      </Buttons>
    </>
  )
}

function Take() {
  const place = useWorkplace()
  const work = useWork()
  const [text, setText] = useState('')
  const [wrong, setWrong] = useState<'certificate.needed' | 'certificate.form'>()
  const [done, setDone] = useState(false)
  const renew = async (e: Event) => {
    e.preventDefault()
    const jwt = certificateText(text)
    setWrong(text.trim() ? (jwt ? undefined : 'certificate.form') : 'certificate.needed')
    if (!jwt) return focusWrong(e.currentTarget)
    const renewed = await work.run(async () => {
      await place.practice.setCertificate(jwt)
      await place.practice.register()
      await place.look()
    })
    if (!renewed) return
    setText('')
    setDone(true)
  }
  return (
    <form onSubmit={(e) => void renew(e)} noValidate>
      {work.trouble && <TroubleCallout trouble={work.trouble} />}
      <TextArea label={t('certificate.label')} error={wrong && t(wrong)} value={text} onInput={setText} rows={4} spellcheck={false} />
      <Button type="submit" busy={work.busy}>{t('keys.renewDo')}</Button>
      {done && <p role="status" class="dp-after">{t('keys.renewed')}</p>}
    </form>
  )
}
