import { useEffect, useRef, useState } from 'preact/hooks'
import { announce, Button, Callout, Details, Dialog, Steps, SummaryList, type Step, type Tone } from '@medunion/ui'
import { agent } from '../../api/client.ts'
import { reload, use } from '../../api/store.ts'
import type { Activity, Visit } from '../../api/types.ts'
import { isOver, visitSteps, type StepState } from '../../logic/consent.ts'
import { Show } from '../../parts/load.tsx'
import { to } from '../../parts/route.ts'
import { Actions, Screen } from '../../parts/screen.tsx'
import { briefly, className, hospitalName, t } from '../../parts/text.ts'
import { Trouble } from '../../parts/trouble.tsx'
import { clock, moment } from '../../parts/when.ts'
import { useWork } from '../../parts/work.ts'

/** How a visit stands, in plain words, as it happens. */
export function Live({ id }: { id: string }) {
  const all = use('visits')
  const v = all.value?.find((x) => x.id === id)
  return (
    <Screen title={t('live.title')} back={to.home}>
      <Show of={all}>{() => (v ? <Content v={v} /> : <Callout tone="warn" title={t('problem.not-found')} />)}</Show>
    </Screen>
  )
}

const headline = (v: Visit) => t.find(`state.${v.code}`, { doctor: v.doctor }) ?? (v.state === 'failed' ? t('state.failed') : t('live.title'))
const explanation = (v: Visit) => t.find(`state.${v.code}.text`, { doctor: v.doctor }) ?? v.says

/** Has a screen reader say each new state. */
function useSaid(v: Visit): void {
  const last = useRef(v.code)
  useEffect(() => {
    if (last.current !== v.code) announce(headline(v))
    last.current = v.code
  }, [v.code])
}

const steps = ['asked', 'answered', 'shared', 'read', 'diagnosis'] as const

/** What is done stands in the past; what is not, does not. */
const stepWords = (s: (typeof steps)[number], state: StepState, doctor: string) =>
  (state === 'done' ? undefined : t.find(`live.step.${s}.todo`, { doctor })) ?? t(`live.step.${s}`, { doctor })

function Content({ v }: { v: Visit }) {
  useSaid(v)
  const states = visitSteps(v)
  const list: Step[] = steps.map((s, i) => ({ label: stepWords(s, states[i]!, v.doctor), state: states[i]! }))
  const tone: Tone = v.state === 'diagnosed' ? 'ok' : v.state !== 'failed' ? 'info' : v.code === 'answer-not-proven' || v.code === 'diagnosis-not-proven' ? 'bad' : 'warn'
  return (
    <>
      <Callout tone={tone} title={headline(v)} level={2}>
        <p>{explanation(v)}</p>
        {v.state === 'failed' && !v.shared && <p>{t('live.nothing-shared')}</p>}
        {v.until && !isOver(v) && <p class="pp-soft">{t('live.until', { time: clock(v.until) })}</p>}
      </Callout>
      {v.trouble && (
        <Callout tone="warn" title={t('live.trouble')} urgent>
          <p>{t.find(`problem.${v.trouble.code}`) ?? v.trouble.says}</p>
        </Callout>
      )}
      <Next v={v} />
      <Steps steps={list} label={t('live.title')} />
      {!isOver(v) && <p class="pp-soft">{t('live.close')}</p>}
      <Activities v={v} />
      <Details summary={t('app.technical')}>
        <SummaryList
          rows={[
            { key: t('live.since', { time: '' }).trim(), value: moment(v.started) },
            { key: t('doctor.licence'), value: v.licence },
            { key: v.code, value: v.says },
          ]}
        />
      </Details>
    </>
  )
}

// Whoever answered without being the doctor meant is at that address still: the code must be scanned anew.
const worthRepeating = (v: Visit) => v.repeatable && v.code !== 'answer-not-proven'

function Next({ v }: { v: Visit }) {
  return (
    <Actions>
      {v.diagnosis && (
        <Button kind="primary" size="wide" href={to.diagnosis(v.diagnosis)}>
          {t('live.read')}
        </Button>
      )}
      {worthRepeating(v) && (
        <>
          <Button kind="primary" size="wide" icon="refresh" href={to.again(v.id)}>
            {t('live.again')}
          </Button>
          <p class="pp-soft">{t('live.again.text')}</p>
        </>
      )}
      {v.state === 'failed' && !worthRepeating(v) && (
        <Button kind="primary" size="wide" icon="qr" href={to.scan}>
          {t('live.new')}
        </Button>
      )}
      {v.consent && v.shared && (
        <Button size="wide" icon="shield" href={to.consent(v.consent)}>
          {t('live.consent')}
        </Button>
      )}
      {!isOver(v) && <End v={v} />}
    </Actions>
  )
}

function End({ v }: { v: Visit }) {
  const [asked, ask] = useState(false)
  const work = useWork()
  const end = () =>
    work.run(async () => {
      await agent.endVisit(v.id)
      ask(false)
      await reload('visits')
    })
  return (
    <>
      <Button size="wide" onClick={() => ask(true)}>
        {t('live.end')}
      </Button>
      <Dialog
        open={asked}
        title={t('live.end')}
        onClose={() => ask(false)}
        actions={
          <>
            <Button kind="warning" busy={work.busy} onClick={() => void end()}>
              {t('live.end.do')}
            </Button>
            <Button onClick={() => ask(false)}>{t('app.cancel')}</Button>
          </>
        }
      >
        <p>{v.shared ? t('live.end.after') : t('live.end.before')}</p>
        {work.problem && <Trouble problem={work.problem} />}
      </Dialog>
    </>
  )
}

function activityWords(a: Activity, doctor: string): string {
  const hospital = a.hospital === undefined ? undefined : hospitalName(a.hospital)
  switch (a.code) {
    case 'searched':
      return t('live.activity.searched', { doctor })
    case 'released':
      return t('live.activity.released', { count: a.resources ?? 0, hospital: hospital ?? '', classes: briefly(a.classes ?? [], className) })
    case 'written':
      return hospital === undefined ? t('live.activity.written.somewhere') : t('live.activity.written', { hospital })
  }
}

function Activities({ v }: { v: Visit }) {
  if (v.activity.length === 0) return null
  return (
    <section>
      <h2 class="mu-heading mu-heading--2">{t('live.activity')}</h2>
      <ol class="pp-activity">
        {v.activity.map((a, i) => (
          <li key={i}>
            <time dateTime={a.time}>{clock(a.time)}</time> <span>{activityWords(a, v.doctor)}</span>
          </li>
        ))}
      </ol>
    </section>
  )
}
