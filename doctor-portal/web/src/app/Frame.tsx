import { announce, Button, Callout, formatTime, LanguageSwitch, PageShell, Skeleton, ThemeSwitch, TopBar } from '@medunion/ui'
import { useEffect, useRef, useState } from 'preact/hooks'
import { CardScreen } from '../home/CardScreen.tsx'
import { Help } from '../home/Help.tsx'
import { WaitingRoom } from '../home/WaitingRoom.tsx'
import { Keys } from '../keys/Keys.tsx'
import { GoOn } from '../setup/Setup.tsx'
import { codeWords, t } from '../texts/index.ts'
import { useWorkplace } from './context.ts'
import { IdleWatch } from './IdleWatch.tsx'
import { LockDialog } from './LockDialog.tsx'
import type { Doctor, Status } from './practice.ts'
import { useVisitPart, type VisitPart } from './visitPart.ts'
import { guard, useScreen, type Found } from './routes.ts'
import { Side } from './Side.tsx'
import { SignOut } from './SignOut.tsx'
import { useFocusOn } from './work.ts'
import { Warnings, warned } from './Warnings.tsx'

/** The workplace with unlocked keys: bar, waiting list at the side, one screen. */
export function Frame({ doctor, status }: { doctor: Doctor; status: Status }) {
  const place = useWorkplace()
  const screen = guard(useScreen(), doctor)
  const part = useVisitPart()
  const visit = screen.at === 'visit' ? place.visits.find((v) => v.id === screen.id && v.state === 'open') : undefined
  const banner = part && visit && <part.Banner visit={visit} room={part.rooms.of(visit, () => place.practice)} />
  const [asked, ask] = useState<'lock' | 'signOut'>()
  const lock = () => (place.visits.some((v) => v.state === 'open') ? ask('lock') : void place.lock('asked'))
  useArrivals()
  useFocusOn(screen.at)
  return (
    <PageShell
      wide
      bar={<Bar doctor={doctor} since={place.since} alone={screen.at === 'setup'} onLock={lock} onSignOut={() => ask('signOut')} />}
      side={screen.at === 'setup' ? undefined : <Side at={screen} />}
      sideLabel={t('app.nav')}
      banner={(warned(place, doctor) || banner) && <><Warnings doctor={doctor} />{banner}</>}
    >
      <Screen screen={screen} doctor={doctor} status={status} part={part} />
      <IdleWatch />
      <LockDialog open={asked === 'lock'} onClose={() => ask(undefined)} />
      <SignOut open={asked === 'signOut'} onClose={() => ask(undefined)} />
    </PageShell>
  )
}

function Screen({ screen, doctor, status, part }: { screen: Found | { at: 'setup' }; doctor: Doctor; status: Status; part: VisitPart | undefined }) {
  switch (screen.at) {
    case 'setup':
      return <GoOn doctor={doctor} />
    case 'home':
      return <WaitingRoom />
    case 'card':
      return <CardScreen doctor={doctor} />
    case 'keys':
      return <Keys doctor={doctor} status={status} />
    case 'help':
      return <Help />
    case 'earlier':
      return part ? <part.EarlierVisits key={screen.id} id={screen.id} /> : <Skeleton lines={8} label={t('visit.loading')} />
    case 'visit':
      return part ? <part.VisitScreen key={screen.id} id={screen.id} tab={screen.tab} rooms={part.rooms} /> : <Skeleton lines={8} label={t('visit.loading')} />
    default:
      return <Callout tone="warn" title={t('app.unknownPage')} level={1}><a href="#/">{t('app.waitingRoom')}</a></Callout>
  }
}

interface BarProps {
  doctor: Doctor
  since: number
  /** Without the navigation at the side, which else has the switches. */
  alone: boolean
  onLock: () => void
  onSignOut: () => void
}

function Bar({ doctor, since, alone, onLock, onSignOut }: BarProps) {
  const about = [doctor.name ?? doctor.id, ...(doctor.departments ?? []).map((d) => codeWords('department', d)), doctor.affiliation].filter(Boolean)
  return (
    <TopBar about={<span class="dp-who">{about.join(' · ')}</span>}>
      <span class="dp-since">{t('app.unlockedSince', { time: formatTime(since) })}</span>
      <Button size="small" icon="lock" onClick={onLock}>{t('app.lock')}</Button>
      <Button kind="quiet" size="small" onClick={onSignOut}>{t('app.signOut')}</Button>
      {alone ? <><LanguageSwitch /><ThemeSwitch /></> : <Button kind="quiet" size="small" href="#/help">{t('app.help')}</Button>}
    </TopBar>
  )
}

/** Says aloud who arrives, and puts the number of those who wait into the title. */
function useArrivals() {
  const place = useWorkplace()
  const said = useRef(new Set<string>())
  const waiting = place.visits.filter((v) => v.state === 'waiting')
  useEffect(() => {
    for (const v of waiting) {
      const brought = place.people.of(v.id)
      if (!brought || said.current.has(v.id)) continue
      said.current.add(v.id)
      announce(t('waiting.arrived', { name: brought.person?.name ?? t('person.unknown') }))
    }
  })
  useEffect(() => {
    const mark = () => {
      const plain = document.title.replace(/^\(\d+\) /, '')
      const wanted = waiting.length > 0 ? `(${waiting.length}) ${plain}` : plain
      if (document.title !== wanted) document.title = wanted
    }
    mark()
    // Screens set the title as they change; the number stays in front of it.
    const observer = new MutationObserver(mark)
    const title = document.querySelector('title')
    if (title) observer.observe(title, { childList: true })
    return () => {
      observer.disconnect()
      document.title = document.title.replace(/^\(\d+\) /, '')
    }
  }, [waiting.length])
}
