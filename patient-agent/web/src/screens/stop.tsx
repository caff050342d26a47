import { useState } from 'preact/hooks'
import { Button, Callout, Details, SummaryList, Tag } from '@medunion/ui'
import { agent } from '../api/client.ts'
import { reload, stale, use } from '../api/store.ts'
import type { Consent, Revocation } from '../api/types.ts'
import { Show } from '../parts/load.tsx'
import { to } from '../parts/route.ts'
import { Actions, Lead, Screen } from '../parts/screen.tsx'
import { departmentName, hospitalName, t } from '../parts/text.ts'
import { Trouble } from '../parts/trouble.tsx'
import { useWork } from '../parts/work.ts'

/** Revokes a consent: asked once more before, and told for each place after. */
export function Stop({ hash }: { hash: string }) {
  const all = use('consents')
  const c = all.value?.find((x) => x.consent === hash)
  if (c === undefined) {
    return (
      <Screen title={t('consents.title')} back={to.consents}>
        <Show of={all}>{() => <Callout tone="warn" title={t('problem.not-found')} />}</Show>
      </Screen>
    )
  }
  return <Ask key={c.consent} c={c} />
}

function Ask({ c }: { c: Consent }) {
  const work = useWork()
  const [result, setResult] = useState<Revocation>()
  const doctor = c.doctor
  const stop = () =>
    work.run(async () => {
      setResult(await agent.revoke(c.consent))
      stale('visits')
      await reload('consents')
    })
  if (result) return <Told key={String(result.complete)} doctor={doctor} r={result} again={() => void stop()} busy={work.busy} problem={work.problem && <Trouble problem={work.problem} />} />
  if (c.revoked === 'yes') {
    return (
      <Screen key="over" title={t('stopped.title')} back={to.consents}>
        <Callout tone="ok" title={t('stopped.text', { doctor })} />
        <Actions>
          <Button kind="primary" size="wide" href={to.consents}>
            {t('consents.title')}
          </Button>
        </Actions>
      </Screen>
    )
  }
  return (
    <Screen key="ask" title={t('stop.title', { doctor })} back={to.consent(c.consent)}>
      <Lead>{t('stop.text', { doctor })}</Lead>
      {work.problem && <Trouble problem={work.problem} />}
      <Actions>
        <Button kind="warning" size="wide" icon="stop" busy={work.busy} onClick={() => void stop()}>
          {work.busy ? t('stop.busy') : t('stop.do')}
        </Button>
        {!work.busy && <Button href={to.consent(c.consent)}>{t('stop.keep')}</Button>}
      </Actions>
    </Screen>
  )
}

interface ToldProps {
  doctor: string
  r: Revocation
  again: () => void
  busy: boolean
  problem: preact.ComponentChildren
}

const place = (p: Revocation['results'][number]) =>
  p.hospital ? hospitalName(p.hospital) : p.department ? t('stopped.cloud', { department: departmentName(p.department) }) : p.at

function Told({ doctor, r, again, busy, problem }: ToldProps) {
  return (
    <Screen title={r.complete ? t('stopped.title') : t('stopped.partly.title')} back={to.consents}>
      <Callout tone={r.complete ? 'ok' : 'warn'} title={r.complete ? t('stopped.text', { doctor }) : t('stopped.partly.text', { doctor })} urgent />
      {problem}
      <SummaryList
        rows={r.results.map((p) => ({
          key: place(p),
          value: (
            <Tag tone={p.revoked ? 'ok' : 'warn'} icon={p.revoked ? 'check' : 'warning'}>
              {p.revoked ? t('stopped.yes') : t('stopped.no')}
            </Tag>
          ),
        }))}
      />
      <Actions>
        {!r.complete && (
          <Button kind="warning" size="wide" icon="refresh" busy={busy} onClick={again}>
            {busy ? t('stop.busy') : t('app.retry')}
          </Button>
        )}
        <Button kind={r.complete ? 'primary' : 'secondary'} size="wide" href={to.consents}>
          {t('consents.title')}
        </Button>
      </Actions>
      {!r.complete && (
        <Details summary={t('app.technical')}>
          <ul class="pp-list">
            {r.results.filter((p) => !p.revoked).map((p) => (
              <li key={p.at} class="pp-mono">
                {p.at}: {p.says} ({p.code})
              </li>
            ))}
          </ul>
        </Details>
      )}
    </Screen>
  )
}
