import { Button, Callout, Card, Details, Fingerprint, SummaryList, Tag } from '@medunion/ui'
import { use } from '../api/store.ts'
import type { Diagnosis } from '../api/types.ts'
import { bytesOf, findingOf, savedAs, type Attachment } from '../logic/finding.ts'
import { Show } from '../parts/load.tsx'
import { to } from '../parts/route.ts'
import { Screen } from '../parts/screen.tsx'
import { hospitalName, t } from '../parts/text.ts'
import { day, moment } from '../parts/when.ts'

function Verdict({ d }: { d: Diagnosis }) {
  return d.fromVisit || d.consentKnown ? (
    <Tag tone="ok" icon="check">
      {t('diagnosis.verified')}
    </Tag>
  ) : (
    <Tag tone="warn" icon="warning">
      {t('diagnosis.unknown')}
    </Tag>
  )
}

export function Diagnoses() {
  return (
    <Screen title={t('diagnoses.title')} back={to.home}>
      <Show of={use('diagnoses')}>
        {(all) => (
          <>
            {all.unanswered.length > 0 && (
              <Callout tone="warn" title={t('diagnoses.unanswered')}>
                <ul class="pp-list">
                  {all.unanswered.map((u) => (
                    <li key={u.hospital}>{t('diagnoses.unanswered.item', { hospital: hospitalName(u.hospital) })}</li>
                  ))}
                </ul>
              </Callout>
            )}
            {all.diagnoses.length === 0 && (
              <>
                <p>{t('diagnoses.none')}</p>
                <p class="pp-soft">{t('diagnoses.none.text')}</p>
              </>
            )}
            {all.diagnoses.map((d) => (
              <Card key={d.id} title={findingOf(d.content).title ?? t('diagnoses.untitled')} href={to.diagnosis(d.id)} aside={<Verdict d={d} />}>
                <p>{d.doctor}</p>
                <p class="pp-soft">{day(d.time)}</p>
              </Card>
            ))}
          </>
        )}
      </Show>
    </Screen>
  )
}

export function DiagnosisScreen({ id }: { id: string }) {
  const all = use('diagnoses')
  const d = all.value?.diagnoses.find((x) => x.id === id)
  return (
    <Screen key={d === undefined ? 'loading' : id} title={d ? (findingOf(d.content).title ?? t('diagnoses.untitled')) : t('diagnoses.untitled')} back={to.diagnoses}>
      <Show of={all}>{() => (d ? <Content d={d} /> : <Callout tone="warn" title={t('problem.not-found')} />)}</Show>
    </Screen>
  )
}

function Content({ d }: { d: Diagnosis }) {
  const f = findingOf(d.content)
  const known = d.fromVisit || d.consentKnown
  return (
    <>
      {f.notes.length > 0 && (
        <Card title={t('diagnosis.note')}>
          {f.notes.map((n) => (
            <p key={n} class="pp-note">
              {n}
            </p>
          ))}
        </Card>
      )}
      {f.attachments.map((a, i) => (
        <Download key={i} a={a} />
      ))}
      <Callout tone={known ? 'ok' : 'warn'} title={known ? t('diagnosis.verified') : t('diagnosis.unknown')}>
        <p>{known ? t('diagnosis.verified.text') : t('diagnosis.unknown.text')}</p>
      </Callout>
      <SummaryList
        rows={[
          { key: t('diagnosis.by'), value: <>{d.doctor}<br /><span class="pp-soft">{t('diagnosis.licence', { licence: d.licence })}</span></> },
          { key: t('diagnosis.when'), value: moment(d.time) },
          { key: t('diagnosis.stored'), value: d.storedAt.length === 0 ? t('diagnosis.stored.none') : d.storedAt.map((s) => hospitalName(s.hospital)).join(', ') },
          f.code && { key: t('diagnosis.code'), value: [f.code.display, f.code.code].filter(Boolean).join(' · ') },
        ]}
      />
      <Details summary={t('diagnosis.means')}>
        <p>{t('diagnosis.means.text')}</p>
      </Details>
      <Technical d={d} system={f.code?.system} others={f.others} />
    </>
  )
}

function Technical({ d, system, others }: { d: Diagnosis; system?: string; others: string[] }) {
  return (
    <Details summary={t('app.technical')}>
      {others.length > 0 && <p>{t('diagnosis.others', { list: others.join(', ') })}</p>}
      <SummaryList
        rows={[
          { key: t('diagnosis.signature'), value: <Fingerprint value={d.id} /> },
          { key: t('diagnosis.consent'), value: <Fingerprint value={d.consent} /> },
          ...d.storedAt.map((s) => ({ key: s.hospital, value: t('diagnosis.record', { number: s.record }) })),
          system ? { key: t('diagnosis.code'), value: <span class="pp-mono">{system}</span> } : undefined,
        ]}
      />
      <p>{t('diagnosis.raw')}</p>
      <pre class="pp-raw" tabIndex={0}>
        {JSON.stringify(d.content, undefined, 1)}
      </pre>
    </Details>
  )
}

function Download({ a }: { a: Attachment }) {
  const bytes = bytesOf(a)
  if (bytes === undefined) return <Callout tone="warn" title={t('diagnosis.file.broken')} />
  const name = a.title ?? t('diagnosis.file')
  const save = () => {
    const url = URL.createObjectURL(new Blob([bytes], { type: savedAs(a) }))
    const link = Object.assign(document.createElement('a'), { href: url, download: name })
    link.click()
    setTimeout(() => URL.revokeObjectURL(url), 10_000)
  }
  return (
    <p>
      <Button icon="download" onClick={save}>
        {t('diagnosis.download', { name })}
      </Button>
    </p>
  )
}
