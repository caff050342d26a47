import { Button, Callout, Empty, formatDateTime, Heading, Skeleton, Table, Tag, useTitle, type Column } from '@medunion/ui'
import { useWorkplace } from '../app/context.ts'
import type { EarlierVisit } from '../app/practice.ts'
import { reasonAdvice, reasonWords } from '../app/problems.ts'
import { link } from '../app/routes.ts'
import { TroubleCallout } from '../app/Trouble.tsx'
import { useLoad, useWork } from '../app/work.ts'
import { t } from '../texts/index.ts'
import { Evidence, saveEvidence } from './Evidence.tsx'

/** The visits of earlier sessions, whose evidence is sealed in this browser; with an id, the evidence of one of them. */
export function EarlierVisits({ id }: { id?: string | undefined }) {
  useTitle(t('earlier.title'))
  if (id === undefined) return <List />
  return (
    <>
      <Heading level={1}>{t('earlier.title')}</Heading>
      <p><a href={link({ at: 'earlier' })}>{t('earlier.all')}</a></p>
      <Evidence visit={id} stage="kept" />
    </>
  )
}

function List() {
  const { practice } = useWorkplace()
  const work = useWork()
  const visits = useLoad(() => practice.earlierVisits(), [practice])
  const save = (v: EarlierVisit) => void work.run(() => saveEvidence(practice, v.id))
  const broken = visits.value?.filter((v) => v.reason) ?? []
  return (
    <>
      <Heading level={1}>{t('earlier.title')}</Heading>
      <p>{t('earlier.text')}</p>
      {work.trouble && <TroubleCallout trouble={work.trouble} />}
      {visits.trouble && <TroubleCallout trouble={visits.trouble}><Button size="small" icon="refresh" onClick={visits.again}>{t('app.retry')}</Button></TroubleCallout>}
      {!visits.value && !visits.trouble && <Skeleton lines={6} />}
      {broken[0]?.reason && <Callout tone="bad" title={reasonWords(broken[0].reason)} urgent><p>{reasonAdvice(broken[0].reason)}</p></Callout>}
      {visits.value?.length === 0 && <Empty icon="shield" title={t('earlier.none')}><p>{t('earlier.noneText')}</p></Empty>}
      {visits.value && visits.value.length > 0 && (
        <Table caption={t('earlier.title')} captionHidden columns={columns(save, work.busy)} rows={visits.value} rowKey={(v) => v.id} rowClass={(v) => (v.reason ? 'dp-row--bad' : undefined)} />
      )}
    </>
  )
}

function columns(save: (v: EarlierVisit) => void, busy: boolean): Column<EarlierVisit>[] {
  return [
    { key: 'when', head: t('earlier.when'), rowHead: true, nowrap: true, cell: (v) => (v.reason ? <Tag tone="bad" icon>{t('earlier.unreadable')}</Tag> : <a href={link({ at: 'earlier', id: v.id })}>{formatDateTime(v.since ?? 0)}</a>) },
    { key: 'patient', head: t('earlier.patient'), cell: (v) => <span class="dp-paper">{v.patient ?? v.id}</span> },
    { key: 'hospitals', head: t('earlier.hospitals'), cell: (v) => v.hospitals.join(', ') },
    { key: 'diagnosis', head: t('earlier.diagnosis'), cell: (v) => (v.diagnosed ? <Tag tone="ok" icon="check">{t('earlier.signed')}</Tag> : '') },
    {
      key: 'file', head: t('earlier.file'), cell: (v) => !v.reason && (
        <Button size="small" icon="download" busy={busy} onClick={() => save(v)} aria-label={t('earlier.downloadOf', { time: formatDateTime(v.since ?? 0, { seconds: true }) })}>{t('app.download')}</Button>
      ),
    },
  ]
}
