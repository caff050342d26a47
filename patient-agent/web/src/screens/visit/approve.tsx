import { useEffect, useState } from 'preact/hooks'
import { Button, Callout, Card, Checkbox, Details, Fingerprint, PassphraseInput, SummaryList, Tag } from '@medunion/ui'
import { agent, type Problem } from '../../api/client.ts'
import { stale } from '../../api/store.ts'
import type { Approval, ApprovalRequest, Profile } from '../../api/types.ts'
import { department, grants, writeTo } from '../../logic/draft.ts'
import { toSignals } from '../../logic/recording.ts'
import { change, dropVisit, recordings } from '../../parts/draft.ts'
import { GrantList } from '../../parts/grants.tsx'
import { Waiting } from '../../parts/load.tsx'
import { assertion, hexOf } from '../../parts/passkey.ts'
import { replace, to } from '../../parts/route.ts'
import { Actions, Screen } from '../../parts/screen.tsx'
import { departmentName, hospitalName, purposeName, t } from '../../parts/text.ts'
import { asProblem, Trouble } from '../../parts/trouble.tsx'
import { day, moment } from '../../parts/when.ts'
import { useWork } from '../../parts/work.ts'
import { WithSetup, type Setup } from './setup.tsx'

/** The last question: exactly what the consent will say, and the yes to it. */
export function Approve() {
  return (
    <WithSetup title={t('approve.title')} back={to.measure} step={4}>
      {(s) => <Prepared request={() => requestOf(s)} anonymous={s.draft.anonymous ?? false} back={to.measure} step={4} change={to.share} />}
    </WithSetup>
  )
}

/** The same doctor, choices and measurements as of a visit that ended without a diagnosis. */
export function Again({ visit }: { visit: string }) {
  return <Prepared request={() => ({ again: visit })} back={to.live(visit)} />
}

function requestOf(s: Setup): ApprovalRequest {
  return {
    link: s.draft.link,
    department: department(s.draft, s.card),
    purpose: s.draft.purpose ?? s.defaults.purpose,
    expires: new Date(Date.now() + s.draft.hours * 3600_000).toISOString(),
    maxUses: s.draft.maxUses,
    grants: grants(s.draft, s.hospitals, s.defaults),
    writeTo: writeTo(s.draft, s.card, s.hospitals),
    recordings: recordings.get().map(toSignals),
    anonymous: s.draft.anonymous ?? false,
  }
}

interface PreparedProps {
  request: () => ApprovalRequest
  anonymous?: boolean
  back: string
  step?: number
  /** Where choices can be changed. */
  change?: string
}

function Prepared({ request, anonymous, back, step, change: edit }: PreparedProps) {
  const [approval, setApproval] = useState<Approval>()
  const [problem, setProblem] = useState<Problem>()
  const [attempt, anew] = useState(0)
  useEffect(() => {
    let stopped = false
    setApproval(undefined)
    setProblem(undefined)
    agent.prepare(request()).then(
      (a) => !stopped && setApproval(a),
      (e: unknown) => !stopped && setProblem(asProblem(e)),
    )
    return () => {
      stopped = true
    }
  }, [attempt, anonymous])
  return (
    <Screen key="approve" title={t('approve.title')} back={back} step={step}>
      {problem && <Trouble problem={problem} refused={t('refused.again')} retry={() => anew((n) => n + 1)} />}
      {!problem && !approval && <Waiting says={t('approve.preparing')} />}
      {approval && <Ask key={approval.id} a={approval} anonymous={anonymous} edit={edit} anew={() => anew((n) => n + 1)} />}
    </Screen>
  )
}

/** Whether the time to approve is over. */
function useExpired(until: string): boolean {
  const [over, set] = useState(Date.parse(until) <= Date.now())
  useEffect(() => {
    const timer = setTimeout(() => set(true), Math.max(0, Date.parse(until) - Date.now()))
    return () => clearTimeout(timer)
  }, [until])
  return over
}

interface AskProps {
  a: Approval
  anonymous?: boolean
  edit?: string
  anew: () => void
}

function Ask({ a, anonymous, edit, anew }: AskProps) {
  const expired = useExpired(a.until)
  return (
    <>
      <Summary a={a} anonymous={anonymous} />
      {expired ? (
        <Callout tone="warn" title={t('approve.expired')} urgent>
          <p>{t('approve.expired.text')}</p>
          <Button kind="primary" onClick={anew}>
            {t('approve.anew')}
          </Button>
        </Callout>
      ) : (
        <Yes a={a} anew={anew} />
      )}
      {edit && (
        <p>
          <a href={edit}>{t('approve.change')}</a>
        </p>
      )}
      <Details summary={t('app.technical')}>
        <SummaryList
          rows={[
            { key: t('approve.consent'), value: <Fingerprint value={a.summary.consent} /> },
            { key: t('approve.challenge'), value: <Fingerprint value={hexOf(a.challenge)} /> },
            { key: t('doctor.credential'), value: <Fingerprint value={a.summary.doctor.credential} /> },
          ]}
        />
      </Details>
    </>
  )
}

const sex = (p: Profile) => (p.sex === undefined || p.sex === 'unknown' ? undefined : t(`me.sex.${p.sex}`))
const aboutMe = (p: Profile | undefined) => [p?.name, p?.birthDate && day(p.birthDate), p && sex(p)].filter(Boolean).join(', ')

function Summary({ a, anonymous }: { a: Approval; anonymous?: boolean }) {
  const s = a.summary
  return (
    <>
      <Card
        title={s.doctor.name}
        aside={
          <Tag tone="ok" icon="shield">
            {t('doctor.checked', { authority: s.doctor.authority })}
          </Tag>
        }
      >
        <p class="pp-soft">
          {t('diagnosis.licence', { licence: s.doctor.licence })} · {departmentName(s.department)}
        </p>
        <SummaryList
          rows={[
            { key: t('approve.purpose'), value: purposeName(s.purpose) },
            { key: t('approve.until'), value: moment(s.expires) },
            { key: t('approve.uses'), value: t('share.uses.value', { count: s.maxUses }) },
            { key: t('approve.measured'), value: s.signals === 0 ? t('approve.measured.none') : t('approve.measured.count', { count: s.signals }) },
            { key: t('approve.me'), value: aboutMe(s.profile) || t(s.profile ? 'approve.me.file' : 'approve.me.none') },
            { key: t('approve.writes'), value: s.writeTo === '' ? t('share.writes.none') : t('share.writes.at', { hospital: hospitalName(s.writeTo) }) },
          ]}
        />
        {anonymous !== undefined && (s.profile || anonymous) && <Checkbox label={t('approve.me.leave')} checked={anonymous} onChange={(yes) => change({ anonymous: yes })} />}
      </Card>
      <h2 class="mu-heading mu-heading--2">{t('approve.what')}</h2>
      <GrantList grants={s.grants} />
    </>
  )
}

/** The approval itself, by fingerprint or by the sentence. */
function Yes({ a, anew }: { a: Approval; anew: () => void }) {
  const work = useWork()
  const [passphrase, setPassphrase] = useState('')
  const [error, setError] = useState<string>()
  const doctor = a.summary.doctor.name
  const passkey = a.verification === 'passkey'
  const share = async () => {
    const proof = passkey ? { assertion: await assertion(a) } : { passphrase }
    const { id } = await agent.visit({ approval: a.id, ...proof })
    dropVisit()
    stale('visits')
    replace(to.live(id))
  }
  const submit = (e: Event) => {
    e.preventDefault()
    if (!passkey && passphrase === '') return setError(t('unlock.missing'))
    setError(undefined)
    void work.run(share)
  }
  // A passkey's approval is used up once the agent has seen it.
  const spent = passkey && work.problem !== undefined && work.problem.kind !== 'page' && work.problem.kind !== 'gone'
  return (
    <form onSubmit={submit} noValidate>
      {work.problem && <Trouble problem={work.problem} />}
      {passkey ? <p>{t('approve.passkey.text')}</p> : <PassphraseInput label={t('approve.passphrase')} value={passphrase} onInput={setPassphrase} error={error} maxLength={1024} />}
      <Actions>
        {spent ? (
          <Button kind="primary" size="wide" icon="refresh" onClick={anew}>
            {t('approve.anew')}
          </Button>
        ) : (
          <Button kind="primary" size="wide" type="submit" icon={passkey ? 'fingerprint' : 'share'} busy={work.busy}>
            {work.busy ? t('approve.busy') : t('approve.passkey', { doctor })}
          </Button>
        )}
      </Actions>
    </form>
  )
}
