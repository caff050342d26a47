import { Button, Buttons, formatTime, Heading, Icon, Tag, TimeLeft } from '@medunion/ui'
import { useState } from 'preact/hooks'
import { useWorkplace } from '../app/context.ts'
import type { Visit } from '../app/practice.ts'
import { reasonWords } from '../app/problems.ts'
import { goTo, link } from '../app/routes.ts'
import { TroubleCallout } from '../app/Trouble.tsx'
import { useWork } from '../app/work.ts'
import { codeWords, t } from '../texts/index.ts'
import { Decline } from './Decline.tsx'
import { nameOf, PersonLine } from './PersonName.tsx'

/** The patients who wait, each with what to do. */
export function WaitingList({ visits }: { visits: Visit[] }) {
  return <ul class="dp-queue">{visits.map((v) => <Waiting key={v.id} visit={v} />)}</ul>
}

function Waiting({ visit }: { visit: Visit }) {
  const place = useWorkplace()
  const work = useWork()
  const [declining, decline] = useState(false)
  const brought = place.people.of(visit.id)
  const open = () =>
    work.run(async () => {
      place.replace(await place.practice.open(visit.id))
      goTo({ at: 'visit', id: visit.id, tab: 'visit' })
    })
  return (
    <li class="dp-queue__item">
      <time class="dp-queue__time mu-number" dateTime={new Date(visit.since).toISOString()}>{formatTime(visit.since)}</time>
      <div class="dp-queue__who">
        <PersonLine person={brought?.person} />
        <WhatComes visit={visit} measured={brought?.measured ?? false} />
        {work.trouble && <TroubleCallout trouble={work.trouble} />}
      </div>
      <Buttons>
        <Button kind="primary" busy={work.busy} onClick={() => void open()} aria-label={`${t('waiting.open')}: ${nameOf(brought?.person)}`}>{t('waiting.open')}</Button>
        <Button onClick={() => decline(true)} aria-label={`${t('waiting.decline')}: ${nameOf(brought?.person)}`}>{t('waiting.decline')}</Button>
      </Buttons>
      <Decline visit={visit} open={declining} onClose={() => decline(false)} />
    </li>
  )
}

/** Purpose, verification, hospitals, measurements and time left, in one line. */
export function WhatComes({ visit, measured }: { visit: Visit; measured: boolean }) {
  const c = visit.consent
  return (
    <p class="dp-comes">
      {c && <span>{t('waiting.purpose', { purpose: codeWords('purpose', c.purpose), department: codeWords('department', c.department) })}</span>}
      <span><Icon name={visit.patient.verification === 'passkey' ? 'fingerprint' : 'key'} /> {t(`person.verified.${visit.patient.verification}`)}</span>
      {c && <span><Icon name="hospital" /> {t('waiting.hospitals', { count: c.grants.length })}</span>}
      {measured && <span><Icon name="pulse" /> {t('waiting.measured')}</span>}
      {c && <TimeLeft until={c.expires} words={(left) => t('waiting.expires', { left })} ended={t('waiting.expired')} />}
    </p>
  )
}

export function OpenVisits({ visits }: { visits: Visit[] }) {
  const place = useWorkplace()
  return (
    <section class="dp-section">
      <Heading level={2}>{t('waiting.inVisit')}</Heading>
      <ul class="dp-queue">
        {visits.map((v) => (
          <li key={v.id} class="dp-queue__item">
            <time class="dp-queue__time mu-number" dateTime={new Date(v.since).toISOString()}>{formatTime(v.since)}</time>
            <div class="dp-queue__who"><PersonLine person={place.people.of(v.id)?.person} /></div>
            <Button kind="primary" href={link({ at: 'visit', id: v.id, tab: 'visit' })} aria-label={`${t('waiting.goOn')}: ${nameOf(place.people.of(v.id)?.person)}`}>{t('waiting.goOn')}</Button>
          </li>
        ))}
      </ul>
    </section>
  )
}

/** What ended: no name is kept, only when, why and the evidence. */
export function ClosedVisits({ visits }: { visits: Visit[] }) {
  return (
    <section class="dp-section">
      <Heading level={2}>{t('waiting.closed')}</Heading>
      <p class="mu-quiet">{t('waiting.closedText')}</p>
      <ul class="dp-closed">
        {[...visits].reverse().map((v) => (
          <li key={v.id}>
            <time class="mu-number" dateTime={new Date(v.since).toISOString()}>{formatTime(v.since)}</time>
            <span>{v.reason && reasonWords(v.reason)}</span>
            {v.diagnosis && <Tag tone="ok" icon="check">{t('receipt.title')}</Tag>}
            <a href={link({ at: 'visit', id: v.id, tab: 'evidence' })}>{t('waiting.evidence')}<span class="mu-hidden"> {formatTime(v.since)}</span></a>
          </li>
        ))}
      </ul>
    </section>
  )
}
