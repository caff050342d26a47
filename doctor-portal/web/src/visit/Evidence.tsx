import { Button, Callout, Empty, formatDateTime, Heading, Skeleton, Table, Tag, type Column } from '@medunion/ui'
import { useWorkplace } from '../app/context.ts'
import { save } from '../app/files.ts'
import type { PracticeClient, Statement } from '../app/practice.ts'
import { reasonWords } from '../app/problems.ts'
import { TroubleCallout } from '../app/Trouble.tsx'
import { useLoad, useWork } from '../app/work.ts'
import { grouped, type Group } from './statements.ts'
import { t } from '../texts/index.ts'

/** Saves the evidence of a visit as the file that verifies offline. */
export async function saveEvidence(practice: PracticeClient, visit: string) {
  save(`medunion-evidence-${visit}.json`, 'application/json', await practice.evidenceFile(visit))
}

/** Each signature of the visit: what it proves, whose it is, and whether it holds. `stage` changes when there is more. */
export function Evidence({ visit, stage }: { visit: string; stage: string }) {
  const { practice } = useWorkplace()
  const work = useWork()
  const evidence = useLoad(() => practice.evidence(visit), [practice, visit, stage])
  const statements = evidence.value?.statements ?? []
  const failed = statements.filter((s) => !s.verified).length
  return (
    <section>
      <div class="dp-title">
        <Heading level={2}>{t('evidence.title')}</Heading>
        {statements.length > 0 && <Button icon="download" busy={work.busy} onClick={() => void work.run(() => saveEvidence(practice, visit))}>{t('evidence.download')}</Button>}
      </div>
      {work.trouble && <TroubleCallout trouble={work.trouble} />}
      {evidence.trouble && <TroubleCallout trouble={evidence.trouble}><Button size="small" icon="refresh" onClick={evidence.again}>{t('app.retry')}</Button></TroubleCallout>}
      {failed > 0 && <Callout tone="bad" title={t('evidence.failed', { count: failed })} urgent><p>{t('evidence.failedText')}</p></Callout>}
      {!evidence.value && !evidence.trouble && <Skeleton lines={6} />}
      {evidence.value && statements.length === 0 && <Empty icon="shield" title={t('evidence.none')} />}
      {statements.length > 0 && (
        <>
          <p>{t('evidence.text')}</p>
          <Table caption={t('evidence.caption')} captionHidden columns={columns()} rows={grouped(statements)} rowKey={(_, i) => i} rowClass={(s) => (s.verified ? undefined : 'dp-row--bad')} />
        </>
      )}
    </section>
  )
}

function columns(): Column<Group>[] {
  return [
    { key: 'proves', head: t('evidence.proves'), rowHead: true, cell: (s) => <>{t.find(`covers.${s.covers}`) ?? t('evidence.unnamed', { name: s.name })} <span class="dp-paper" lang="en">{s.name.replace('sigma', 'σ')}{s.count > 1 && ` × ${s.count}`}</span></> },
    { key: 'signer', head: t('evidence.signer'), cell: (s) => signer(s) },
    { key: 'time', head: t('evidence.time'), nowrap: true, cell: (s) => (s.time === undefined ? '' : formatDateTime(s.time, { seconds: true })) },
    { key: 'holds', head: t('evidence.holds'), cell: (s) => <Tag tone={s.verified ? 'ok' : 'bad'} icon>{t(s.verified ? 'evidence.yes' : 'evidence.no')}{s.why && `: ${reasonWords(s.why)}`}</Tag> },
  ]
}

function signer({ signer: { role, id } }: Statement): string {
  if (role === 'hospital') return t('evidence.role.hospital', { id })
  return t.find(`evidence.role.${role}`) ?? t('evidence.role.unknown')
}
