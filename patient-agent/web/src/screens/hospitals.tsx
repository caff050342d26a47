import { useState } from 'preact/hooks'
import { Button, Callout, Card, Details, SummaryList, Tag, TextInput } from '@medunion/ui'
import { agent } from '../api/client.ts'
import { stale, use } from '../api/store.ts'
import type { Hospital } from '../api/types.ts'
import { Show } from '../parts/load.tsx'
import { to } from '../parts/route.ts'
import { Actions, Lead, Screen } from '../parts/screen.tsx'
import { briefly, className, departmentName, hospitalName, sorted, t } from '../parts/text.ts'
import { Trouble } from '../parts/trouble.tsx'
import { day } from '../parts/when.ts'
import { useWork } from '../parts/work.ts'

export function Hospitals() {
  return (
    <Screen title={t('hospitals.title')} back={to.home}>
      <Show of={use('hospitals')}>
        {(all) => {
          const linked = all.hospitals.filter((h) => h.enrolled)
          const others = all.hospitals.filter((h) => !h.enrolled)
          return (
            <>
              {linked.length === 0 ? <p>{t('hospitals.none')}</p> : linked.map((h) => <Linked key={h.id} h={h} />)}
              {all.ignoredEntries > 0 && (
                <Callout tone="warn" title={t('hospitals.ignored', { count: all.ignoredEntries })}>
                  <p>{t('hospitals.ignored.text')}</p>
                </Callout>
              )}
              <h2 class="mu-heading mu-heading--2">{t('hospitals.others')}</h2>
              {others.length === 0 && <p>{t('hospitals.all')}</p>}
              <ul class="pp-list">
                {others.map((h) => (
                  <li key={h.id}>
                    <Button size="wide" icon="plus" href={to.link(h.id)}>
                      {t('hospitals.link', { hospital: hospitalName(h.id) })}
                    </Button>
                  </li>
                ))}
              </ul>
            </>
          )
        }}
      </Show>
    </Screen>
  )
}

const span = (h: { first?: string; last?: string }) =>
  h.first && h.last ? t('hospitals.from', { first: day(h.first), last: day(h.last) }) : undefined

function Linked({ h }: { h: Hospital }) {
  const empty = h.departments.length === 0
  return (
    <Card
      title={hospitalName(h.id)}
      href={to.hospital(h.id)}
      aside={
        <Tag tone="ok" icon="check">
          {t('hospitals.tag')}
        </Tag>
      }
    >
      <p>{empty ? t('hospitals.nothing') : briefly(h.classes, className)}</p>
      {!empty && <p class="pp-soft">{span(h)}</p>}
    </Card>
  )
}

export function HospitalScreen({ id }: { id: string }) {
  const name = hospitalName(id)
  return (
    <Screen title={name} back={to.hospitals}>
      <Show of={use('hospitals')}>
        {(all) => {
          const h = all.hospitals.find((x) => x.id === id)
          if (h === undefined) return <Callout tone="warn" title={t('problem.not-found')} />
          return <Held h={h} />
        }}
      </Show>
    </Screen>
  )
}

function Held({ h }: { h: Hospital }) {
  return (
    <>
      {!h.enrolled && (
        <Actions>
          <Button kind="primary" size="wide" href={to.link(h.id)}>
            {t('hospitals.link', { hospital: hospitalName(h.id) })}
          </Button>
        </Actions>
      )}
      {h.enrolled && h.holdings.length === 0 && <p>{t('hospitals.nothing')}</p>}
      {h.holdings.length > 0 && <h2 class="mu-heading mu-heading--2">{t('hospitals.holds')}</h2>}
      {h.holdings.map((x) => (
        <Card key={x.department} title={departmentName(x.department)} level={3}>
          <ul class="pp-codes">
            {sorted(x.classes).map((c) => (
              <li key={c}>{className(c)}</li>
            ))}
          </ul>
          <p class="pp-soft">{span(x)}</p>
          <p class="pp-soft">{t('hospitals.published', { date: day(x.published) })}</p>
        </Card>
      ))}
      <Details summary={t('app.technical')}>
        <SummaryList
          rows={[
            { key: t('hospitals.id'), value: <span class="pp-mono">{h.id}</span> },
            { key: t('hospitals.address'), value: <span class="pp-mono">{h.address}</span> },
          ]}
        />
      </Details>
    </>
  )
}

const shortest = 8

export function LinkHospital({ id }: { id: string }) {
  const hospital = hospitalName(id)
  const work = useWork()
  const [code, setCode] = useState('')
  const [error, setError] = useState<string>()
  const [done, setDone] = useState(false)
  const submit = (e: Event) => {
    e.preventDefault()
    const typed = code.trim()
    if (typed.length < shortest) return setError(t('link.missing'))
    setError(undefined)
    void work.run(async () => {
      await agent.enrol(id, typed)
      setDone(true)
      stale('hospitals')
    })
  }
  if (done) return <LinkDone hospital={hospital} />
  return (
    <Screen title={t('link.title', { hospital })} back={to.hospitals}>
      <Lead>{t('link.text', { hospital })}</Lead>
      {work.problem && <Trouble problem={work.problem} refused={t('refused.link')} />}
      <form onSubmit={submit} noValidate>
        <TextInput label={t('link.label')} hint={t('link.hint')} error={error} value={code} onInput={setCode} autocomplete="one-time-code" autocapitalize="none" spellcheck={false} maxLength={64} />
        <Actions>
          <Button kind="primary" size="wide" type="submit" busy={work.busy}>
            {work.busy ? t('link.busy') : t('link.do', { hospital })}
          </Button>
        </Actions>
      </form>
    </Screen>
  )
}

function LinkDone({ hospital }: { hospital: string }) {
  return (
    <Screen key="done" title={t('link.done', { hospital })}>
      <Lead>{t('link.done.text')}</Lead>
      <Actions>
        <Button kind="primary" size="wide" href={to.hospitals}>
          {t('home.hospitals')}
        </Button>
        <Button href={to.home}>{t('app.home')}</Button>
      </Actions>
    </Screen>
  )
}
