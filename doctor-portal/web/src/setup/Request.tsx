import { Button, Buttons, Callout, Checkboxes, CopyButton, Select, Skeleton, TextArea, TextInput, useTitle } from '@medunion/ui'
import { useState } from 'preact/hooks'
import { useWorkplace } from '../app/context.ts'
import { save } from '../app/files.ts'
import { TroubleCallout } from '../app/Trouble.tsx'
import { focusWrong, useLoad, useWork } from '../app/work.ts'
import { codeWords, t } from '../texts/index.ts'
import { StepHeading } from './StepHeading.tsx'

/** Asks what the certificate should name, and shows the request to hand over. */
export function Request({ onHave }: { onHave: () => void }) {
  useTitle(t('request.title'))
  const [request, setRequest] = useState<string>()
  return (
    <div class="dp-column">
      <StepHeading step={2}>{t('request.title')}</StepHeading>
      {request === undefined ? <RequestForm onMade={setRequest} onHave={onHave} /> : <Made request={request} onHave={onHave} onChange={() => setRequest(undefined)} />}
    </div>
  )
}

function RequestForm({ onMade, onHave }: { onMade: (request: string) => void; onHave: () => void }) {
  const { practice } = useWorkplace()
  const work = useWork()
  const lists = useLoad(async () => ({ departments: await practice.departments(), hospitals: await practice.directory().catch(() => []) }), [practice])
  const [name, setName] = useState('')
  const [licence, setLicence] = useState('')
  const [departments, setDepartments] = useState<string[]>([])
  const [affiliation, setAffiliation] = useState('')
  const [tried, setTried] = useState(false)
  const make = async (e: Event) => {
    e.preventDefault()
    setTried(true)
    if (!name.trim() || !licence.trim() || departments.length === 0) return focusWrong(e.currentTarget)
    await work.run(async () => {
      const person = { name: name.trim(), licence: licence.trim(), departments, ...(affiliation && { affiliation }) }
      onMade(await practice.requestCertificate(person))
    })
  }
  const missing = (v: string) => tried && !v.trim() && t('request.needed')
  return (
    <form onSubmit={(e) => void make(e)} noValidate>
      <p class="dp-lead">{t('request.text')}</p>
      {work.trouble && <TroubleCallout trouble={work.trouble} />}
      <TextInput label={t('request.name')} hint={t('request.nameHint')} error={missing(name)} value={name} onInput={setName} autocomplete="name" width="wide" />
      <TextInput label={t('request.licence')} error={missing(licence)} value={licence} onInput={setLicence} autocomplete="off" width="medium" />
      {!lists.value && !lists.trouble && <Skeleton lines={4} label={t('request.departments')} />}
      {lists.trouble && !lists.value && (
        <TroubleCallout trouble={lists.trouble}>
          <p>{t('request.departmentsFailed')}</p>
          <Button size="small" icon="refresh" onClick={lists.again}>{t('app.retry')}</Button>
        </TroubleCallout>
      )}
      {lists.value && (
        <>
          <Checkboxes
            label={t('request.departments')}
            error={tried && departments.length === 0 && t('request.departmentsWrong')}
            options={lists.value.departments.map((d) => ({ value: d, label: codeWords('department', d) }))}
            value={departments}
            onChange={setDepartments}
            small
            columns
          />
          <Select
            label={t('request.affiliation')}
            options={[{ value: '', label: t('request.none') }, ...lists.value.hospitals.map((h) => ({ value: h.id, label: h.id }))]}
            value={affiliation}
            onChange={setAffiliation}
          />
        </>
      )}
      <Buttons>
        <Button kind="primary" type="submit" busy={work.busy} disabled={!lists.value}>{t('request.do')}</Button>
        <Button kind="quiet" onClick={onHave}>{t('request.have')}</Button>
      </Buttons>
    </form>
  )
}

function Made({ request, onHave, onChange }: { request: string; onHave: () => void; onChange: () => void }) {
  return (
    <>
      <Callout tone="ok" title={t('request.ready')} level={2}>
        <p>{t('request.readyText')}</p>
      </Callout>
      <TextArea label={t('request.label')} value={request} onInput={() => undefined} readOnly rows={8} spellcheck={false} />
      <Buttons>
        <CopyButton text={request}>{t('app.copy')}</CopyButton>
        <Button icon="download" onClick={() => save('certificate-request.json', 'application/json', request)}>{t('app.download')}</Button>
      </Buttons>
      <p>{t('request.wait')}</p>
      <Buttons>
        <Button kind="primary" onClick={onHave}>{t('request.next')}</Button>
        <Button kind="quiet" onClick={onChange}>{t('request.change')}</Button>
      </Buttons>
    </>
  )
}
