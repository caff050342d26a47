import { Button, Callout, formatDateTime, Steps, type Step } from '@medunion/ui'
import { useWorkplace } from '../app/context.ts'
import type { Diagnosis, Visit } from '../app/practice.ts'
import { reasonAdvice, reasonWords } from '../app/problems.ts'
import { TroubleCallout } from '../app/Trouble.tsx'
import { useWork } from '../app/work.ts'
import { t } from '../texts/index.ts'

/** Where the signed diagnosis has arrived, and sending again what has not. */
export function Receipts({ visit, diagnosis: d }: { visit: Visit; diagnosis: Diagnosis }) {
  const place = useWorkplace()
  const work = useWork()
  const resend = () =>
    work.run(async () => {
      await place.practice.resend(visit.id)
      place.replace(await place.practice.visit(visit.id))
    })
  return (
    <section aria-label={t('receipt.title')}>
      {work.trouble && <TroubleCallout trouble={work.trouble} />}
      <Steps label={t('receipt.title')} steps={steps(d, visit.consent?.writeTo)} />
      {d.failures.length > 0 ? (
        <Callout tone="warn" title={t('receipt.failed')} urgent>
          <ul class="dp-points">{d.failures.map((r) => <li key={r.code}>{reasonWords(r)} {reasonAdvice(r)}</li>)}</ul>
          <Button kind="primary" icon="send" busy={work.busy} onClick={() => void resend()}>{t('receipt.resend')}</Button>
        </Callout>
      ) : (
        <Callout tone="ok" title={t('receipt.done')} />
      )}
    </section>
  )
}

function steps(d: Diagnosis, home: string | undefined): Step[] {
  const failed = (...codes: string[]) => d.failures.some((f) => codes.includes(f.code))
  return [
    { label: t('receipt.signed'), state: 'done' },
    { label: t('receipt.delivered'), state: d.delivered ? 'done' : failed('not-delivered', 'session-over') ? 'failed' : 'current' },
    stored(d, home, failed('not-stored')),
    indexed(d, home, failed('not-indexed')),
  ]
}

function stored(d: Diagnosis, home: string | undefined, failed: boolean): Step {
  if (!home) return { label: t('receipt.storing'), state: 'skipped', detail: t('receipt.noHome') }
  const detail = d.stored && t('receipt.storedDetail', { record: d.stored.record, time: formatDateTime(d.stored.time) })
  return { label: t('receipt.stored', { hospital: home }), state: d.stored ? 'done' : failed ? 'failed' : 'current', detail }
}

function indexed(d: Diagnosis, home: string | undefined, failed: boolean): Step {
  if (d.indexed) return { label: t('receipt.indexed'), state: 'done', detail: formatDateTime(d.indexed.time) }
  if (!home) return { label: t('receipt.indexed'), state: 'skipped' }
  if (d.stored && !failed) return { label: t('receipt.indexed'), state: 'skipped', detail: t('receipt.notIndexed') }
  return { label: t('receipt.indexed'), state: failed ? 'failed' : 'waiting' }
}
