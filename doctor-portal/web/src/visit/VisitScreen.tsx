import { Button, Buttons, Callout, Heading, Tabs, useTitle } from '@medunion/ui'
import { useEffect, useState } from 'preact/hooks'
import { useWorkplace } from '../app/context.ts'
import type { Visit } from '../app/practice.ts'
import { reasonAdvice, reasonWords } from '../app/problems.ts'
import { goTo, link, visitTabs, type VisitTab } from '../app/routes.ts'
import { useObservable } from '../app/store.ts'
import { TroubleCallout } from '../app/Trouble.tsx'
import { useFocusOn, useNow, useWork } from '../app/work.ts'
import { Decline } from '../home/Decline.tsx'
import { WhatComes } from '../home/lists.tsx'
import { nameOf, PersonLine } from '../home/PersonName.tsx'
import { RecordView, useVersion } from '../record/index.ts'
import { t } from '../texts/index.ts'
import { ConsentCard } from './ConsentCard.tsx'
import { DiagnosisPanel } from './DiagnosisPanel.tsx'
import { Evidence } from './Evidence.tsx'
import { GetRecords } from './GetRecords.tsx'
import { HospitalsLine } from './HospitalsLine.tsx'
import { Measured } from './Measured.tsx'
import type { Room, Rooms } from './rooms.ts'

/** One visit in whatever state it is. */
export function VisitScreen({ id, tab, rooms }: { id: string; tab: VisitTab; rooms: Rooms }) {
  const place = useWorkplace()
  const visit = place.visits.find((v) => v.id === id)
  useTitle(visit ? t('visit.title', { name: nameOf(place.people.of(id)?.person) }) : t('visit.none'))
  if (!visit) return <Callout tone="warn" title={t('visit.none')} level={1}><p>{t('visit.noneText')}</p><Home /></Callout>
  switch (visit.state) {
    case 'open':
      return <Open visit={visit} tab={tab} room={rooms.of(visit, () => place.practice)} />
    case 'waiting':
      return <Waiting visit={visit} />
    case 'closed':
      return <Closed visit={visit} />
    default:
      return <Callout tone="info" title={t('visit.answeredTitle')} level={1}><Home /></Callout>
  }
}

const Home = () => <p><a href="#/">{t('app.waitingRoom')}</a></p>

function Waiting({ visit }: { visit: Visit }) {
  const place = useWorkplace()
  const work = useWork()
  const [declining, decline] = useState(false)
  const brought = place.people.of(visit.id)
  return (
    <div class="dp-column">
      <Heading level={1}>{t('visit.waitingTitle', { name: nameOf(brought?.person) })}</Heading>
      {work.trouble && <TroubleCallout trouble={work.trouble} />}
      <p><PersonLine person={brought?.person} /></p>
      <WhatComes visit={visit} measured={brought?.measured ?? false} />
      <p>{t('visit.waitingText')}</p>
      <Buttons>
        <Button kind="primary" busy={work.busy} onClick={() => void work.run(async () => place.replace(await place.practice.open(visit.id)))}>{t('waiting.open')}</Button>
        <Button onClick={() => decline(true)}>{t('waiting.decline')}</Button>
      </Buttons>
      <Decline visit={visit} open={declining} onClose={() => decline(false)} />
    </div>
  )
}

function Closed({ visit }: { visit: Visit }) {
  return (
    <>
      <Heading level={1}>{t('visit.closedTitle')}</Heading>
      {visit.reason && <p class="dp-lead">{reasonWords(visit.reason)}. {reasonAdvice(visit.reason)}</p>}
      <Evidence visit={visit.id} stage="closed" />
      <p><a href={link({ at: 'home' })}>{t('app.waitingRoom')}</a></p>
    </>
  )
}

function Open({ visit, tab, room }: { visit: Visit; tab: VisitTab; room: Room }) {
  const place = useWorkplace()
  useObservable(room)
  useVersion(room.store)
  const now = useNow(60_000)
  useEffect(() => room.follow(visit), [visit, room])
  const here = room.store.sources.length > 0
  useFocusOn(`${here} ${tab} ${visit.search?.state}`)
  const select = (to: string) => goTo({ at: 'visit', id: visit.id, tab: visitTabs.find((x) => x === to) ?? 'visit' })
  const brought = place.people.of(visit.id)
  const signals = brought?.signals
  const lead = <><HospitalsLine visit={visit} room={room} />{signals !== undefined && brought?.measured && <Measured signals={signals} />}</>
  const overview = () => <Overview visit={visit} room={room} signals={signals} />
  const evidence = () => <Evidence visit={visit.id} stage={stageOf(visit)} />
  const own = [{ key: 'visit', label: t('visit.tab.visit'), content: overview }, { key: 'evidence', label: t('visit.tab.evidence'), content: evidence }]
  return (
    <div class={`dp-visit${room.writing ? ' dp-visit--writing' : ''}`}>
      <div class="dp-visit__main">
        <h1 class="mu-hidden">{t('visit.title', { name: nameOf(brought?.person) })}</h1>
        {here ? (
          <RecordView store={room.store} now={now} tab={tab} onTab={select} more={own} lead={lead} />
        ) : (
          <Tabs label={t('visit.tabs')} tabs={own.map(({ key, label }) => ({ key, label }))} selected={tab === 'evidence' ? 'evidence' : 'visit'} onSelect={select}>
            {tab === 'evidence' ? evidence() : overview()}
          </Tabs>
        )}
      </div>
      {room.writing && <DiagnosisPanel visit={visit} room={room} />}
    </div>
  )
}

/** Changes whenever there may be another signature. */
function stageOf(v: Visit): string {
  return [v.consent?.uses, ...v.hospitals.map((h) => h.receipt), v.diagnosis?.delivered, v.diagnosis?.stored?.record, v.diagnosis?.indexed?.time].join('/')
}

function Overview({ visit, room, signals }: { visit: Visit; room: Room; signals: string | undefined }) {
  return (
    <div class="dp-overview">
      <div>
        <GetRecords visit={visit} room={room} />
        {signals !== undefined && <Measured signals={signals} />}
      </div>
      {visit.consent && <ConsentCard consent={visit.consent} />}
    </div>
  )
}
