import { useEffect, useState } from 'preact/hooks'
import { announce, Button, Callout, Icon, LanguageSwitch, PageShell, TopBar, useLanguage } from '@medunion/ui'
import { agent, onReachable, Problem } from './api/client.ts'
import { follow } from './api/events.ts'
import { forget, reconnected, reload, touched, use } from './api/store.ts'
import { running } from './logic/consent.ts'
import { dropVisit } from './parts/draft.ts'
import { Waiting } from './parts/load.tsx'
import { go, to } from './parts/route.ts'
import { Screen } from './parts/screen.tsx'
import { t } from './parts/text.ts'
import { asProblem, Trouble } from './parts/trouble.tsx'
import { Routes } from './routes.tsx'
import { First } from './screens/first/first.tsx'
import { Unlock } from './screens/unlock.tsx'

type Opening = 'opening' | 'open' | 'closed' | Problem

/** Lets the page in: by the link's token, else by the cookie of an earlier time. */
function useOpening(token: string | undefined): Opening {
  const [state, set] = useState<Opening>('opening')
  useEffect(() => {
    let stopped = false
    const attempt = async () => {
      try {
        if (token !== undefined) await agent.openPage(token)
        await agent.status()
        if (!stopped) set('open')
      } catch (e) {
        if (stopped) return
        const p = asProblem(e)
        set(p.kind === 'unauthenticated' ? 'closed' : p)
        if (p.kind === 'gone') setTimeout(() => !stopped && void attempt(), 3000)
      }
    }
    void attempt()
    return () => {
      stopped = true
    }
  }, [token])
  return state
}

/** Whether the agent answers, and whether the device is online. */
function useConnection(open: boolean): { gone: boolean; offline: boolean } {
  const [gone, setGone] = useState(false)
  const [offline, setOffline] = useState(!navigator.onLine)
  useEffect(() => {
    const net = () => setOffline(!navigator.onLine)
    addEventListener('online', net)
    addEventListener('offline', net)
    return () => {
      removeEventListener('online', net)
      removeEventListener('offline', net)
    }
  }, [])
  useEffect(() => onReachable((yes) => setGone(!yes)), [])
  useEffect(() => {
    if (!open) return
    let lost = false
    const stop = follow(touched, (yes) => {
      if (yes && lost) {
        announce(t('app.back-online'))
        reconnected()
      }
      // Whether it is the stream alone or the agent, the state tells, and whether the page is still let in.
      if (!yes) void reload('status')
      lost = !yes
    })
    // A device that slept may hold a stream that is dead without knowing it.
    const awake = () => document.visibilityState === 'visible' && reconnected()
    document.addEventListener('visibilitychange', awake)
    return () => {
      document.removeEventListener('visibilitychange', awake)
      stop()
    }
  }, [open])
  return { gone, offline }
}

function Closed() {
  return (
    <Screen title={t('closed.title')}>
      <Callout tone="info" title={t('closed.text')}>
        <p>{t('closed.do')}</p>
      </Callout>
    </Screen>
  )
}

/** What the state of the store allows to be shown. */
function Inside() {
  const status = use('status')
  const s = status.value
  useEffect(() => {
    if (s !== undefined && s.store !== 'open') {
      forget()
      dropVisit()
    }
  }, [s?.store])
  if (status.problem?.kind === 'unauthenticated') return <Closed />
  if (s === undefined) return status.problem ? <Trouble problem={status.problem} retry={status.reload} /> : <Waiting />
  if (s.store === 'locked') return <Unlock status={s} />
  if (s.store === 'absent' || !s.registered) return <First status={s} />
  return <Routes />
}

/** Locks at once, unless that would end a visit: then the settings ask. */
function LockButton() {
  const busy = running(use('visits').value ?? []) !== undefined
  const lock = () => void agent.lock().then(() => reload('status'), () => go(to.settings))
  return (
    <Button kind="quiet" size="small" icon="lock" onClick={() => (busy ? go(to.settings) : lock())}>
      {t('app.lock')}
    </Button>
  )
}

function Bar({ inside }: { inside: boolean }) {
  const open = use('status').value?.store === 'open'
  return (
    <TopBar name={t('app.name')}>
      {inside && open ? (
        <LockButton />
      ) : (
        <LanguageSwitch />
      )}
    </TopBar>
  )
}

export function App({ token }: { token: string | undefined }) {
  useLanguage()
  const opening = useOpening(token)
  const { gone, offline } = useConnection(opening === 'open')
  const banner = gone ? 'gone' : offline ? 'offline' : undefined
  return (
    <PageShell bar={opening === 'open' ? <Bar inside /> : <Bar inside={false} />}>
      <div role="status">
        {banner && (
          <p class="pp-banner">
            <Icon name="offline" />
            <span>
              <strong>{t(`app.${banner}.title`)}.</strong> {t(`app.${banner}.text`)}
            </span>
          </p>
        )}
      </div>
      {opening === 'open' ? <Inside /> : opening === 'closed' ? <Closed /> : opening === 'opening' ? <Waiting says={t('opening.title')} /> : <Trouble problem={opening} />}
    </PageShell>
  )
}
