import { useEffect, useState } from 'preact/hooks'
import { Button, Callout, Card, Details, Fingerprint, SummaryList, Tag, type Tone } from '@medunion/ui'
import { agent, type Problem } from '../api/client.ts'
import { use } from '../api/store.ts'
import type { Consent, Use } from '../api/types.ts'
import { consentState, inForce, type ConsentState } from '../logic/consent.ts'
import { GrantList } from '../parts/grants.tsx'
import { Show } from '../parts/load.tsx'
import { to } from '../parts/route.ts'
import { Actions, Screen } from '../parts/screen.tsx'
import { departmentName, hospitalName, purposeName, t } from '../parts/text.ts'
import { asProblem } from '../parts/trouble.tsx'
import { moment } from '../parts/when.ts'

const tones: Record<ConsentState, Tone> = { on: 'info', over: 'plain', stopped: 'ok', partly: 'warn' }

function StateTag({ c }: { c: Consent }) {
  const s = consentState(c, Date.now())
  return (
    <Tag tone={tones[s]} icon={s === 'partly' ? 'warning' : s === 'stopped' ? 'check' : undefined}>
      {t(`consent.tag.${s}`)}
    </Tag>
  )
}

const titleOf = (c: Consent) => (inForce(c, Date.now()) ? t('consent.to', { doctor: c.doctor }) : t('consent.was', { doctor: c.doctor }))

export function Consents() {
  return (
    <Screen title={t('consents.title')} back={to.home}>
      <Show of={use('consents')}>
        {(all) => {
          const now = all.filter((c) => inForce(c, Date.now()))
          const past = all.filter((c) => !inForce(c, Date.now()))
          if (all.length === 0) return <p>{t('consents.none')}</p>
          return (
            <>
              <h2 class="mu-heading mu-heading--2">{t('consents.now')}</h2>
              {now.length === 0 && <p>{t('consents.none.now')}</p>}
              {now.map((c) => (
                <InForce key={c.consent} c={c} />
              ))}
              {past.length > 0 && <h2 class="mu-heading mu-heading--2">{t('consents.past')}</h2>}
              {past.map((c) => (
                <Card key={c.consent} title={titleOf(c)} level={3} href={to.consent(c.consent)} aside={<StateTag c={c} />}>
                  <p class="pp-soft">{moment(c.notBefore)}</p>
                </Card>
              ))}
            </>
          )
        }}
      </Show>
    </Screen>
  )
}

function InForce({ c }: { c: Consent }) {
  return (
    <Card title={titleOf(c)} level={3} aside={<StateTag c={c} />}>
      <p>{c.grants.length === 0 ? t('consent.nothing') : c.grants.map((g) => hospitalName(g.hospital)).join(', ')}</p>
      <p class="pp-soft">
        {t('consent.until')} {moment(c.expires)}
      </p>
      <Actions>
        <Button kind="warning" icon="stop" href={to.stop(c.consent)} aria-label={`${t('consent.stop')}: ${titleOf(c)}`}>
          {t('consent.stop')}
        </Button>
        <Button href={to.consent(c.consent)} aria-label={`${t('app.more')}: ${titleOf(c)}`}>
          {t('app.more')}
        </Button>
      </Actions>
    </Card>
  )
}

/** How often it was used, by the public cloud's answer. */
function useUses(c: Consent): { uses?: Use[]; problem?: Problem } {
  const [state, set] = useState<{ uses?: Use[]; problem?: Problem }>({})
  useEffect(() => {
    let stopped = false
    agent.uses(c.consent).then(
      (uses) => !stopped && set({ uses }),
      (e: unknown) => !stopped && set({ problem: asProblem(e) }),
    )
    return () => {
      stopped = true
    }
  }, [c])
  return state
}

export function ConsentScreen({ hash }: { hash: string }) {
  const all = use('consents')
  const c = all.value?.find((x) => x.consent === hash)
  return (
    <Screen key={c === undefined ? 'loading' : hash} title={c ? titleOf(c) : t('consents.title')} back={to.consents}>
      <Show of={all}>{() => (c ? <Content c={c} /> : <Callout tone="warn" title={t('problem.not-found')} />)}</Show>
    </Screen>
  )
}

function usedWords(c: Consent, uses: Use[] | undefined, problem: Problem | undefined): string {
  if (problem) return t('consent.used.unknown')
  if (uses === undefined) return t('app.loading')
  const count = uses.filter((u) => u.mode === 'read').length
  return count === 0 ? t('consent.used.none', { max: c.maxUses }) : t('consent.used.count', { count, max: c.maxUses })
}

function Content({ c }: { c: Consent }) {
  const { uses, problem } = useUses(c)
  return (
    <>
      <p>
        <StateTag c={c} />
      </p>
      <SummaryList
        rows={[
          { key: t('consent.from'), value: moment(c.notBefore) },
          { key: t('consent.until'), value: moment(c.expires) },
          { key: t('consent.why'), value: purposeName(c.purpose) },
          { key: t('consent.acts'), value: departmentName(c.department) },
          { key: t('consent.used'), value: usedWords(c, uses, problem) },
          { key: t('consent.writes'), value: c.writeTo === '' ? t('consent.writes.none') : hospitalName(c.writeTo) },
        ]}
      />
      <h2 class="mu-heading mu-heading--2">{t('consent.what')}</h2>
      <GrantList grants={c.grants} />
      {inForce(c, Date.now()) && (
        <Actions>
          <Button kind="warning" size="wide" icon="stop" href={to.stop(c.consent)}>
            {c.revoked === 'partly' ? t('consent.stop.again') : t('consent.stop')}
          </Button>
        </Actions>
      )}
      <Details summary={t('app.technical')}>
        <SummaryList
          rows={[
            { key: t('doctor.licence'), value: c.licence },
            { key: t('consent.id'), value: <Fingerprint value={c.consent} /> },
            { key: t('consent.doctor.id'), value: <Fingerprint value={c.credential} /> },
            uses && uses.length > 0
              ? {
                  key: t('consent.times'),
                  value: (
                    <ul class="pp-list">
                      {uses.map((u) => (
                        <li key={u.request}>
                          {moment(u.time)}: {t(`consent.mode.${u.mode}`)}
                        </li>
                      ))}
                    </ul>
                  ),
                }
              : undefined,
          ]}
        />
      </Details>
    </>
  )
}
