import { Button, Callout, Card, LanguageSwitch, PageShell, Progress, ThemeSwitch, TopBar, useLanguage, useTitle } from '@medunion/ui'
import { useEffect, useMemo, useState } from 'preact/hooks'
import { FirstUse } from '../setup/Setup.tsx'
import { t } from '../texts/index.ts'
import { Unlock } from '../unlock/Unlock.tsx'
import { useWorkplace, WorkplaceProvider } from './context.ts'
import { Frame } from './Frame.tsx'
import { troubleWords } from './problems.ts'
import { Technical } from './Trouble.tsx'
import { useFocusOn } from './work.ts'
import { Workplace, type Phase } from './workplace.ts'

/** The page: what it shows depends on where the keys are. */
export function App() {
  useLanguage()
  const place = useMemo(() => new Workplace(), [])
  useEffect(() => void place.start(), [place])
  return (
    <WorkplaceProvider value={place}>
      <Place />
    </WorkplaceProvider>
  )
}

function Place() {
  const place = useWorkplace()
  const { phase, doctor } = place
  useFocusOn(phase.at)
  if (phase.at === 'open' && doctor) return <Frame doctor={doctor} status={phase.status} />
  return <PageShell bar={<GateBar />}><Gate phase={phase} /></PageShell>
}

function Gate({ phase }: { phase: Phase }) {
  switch (phase.at) {
    case 'broken':
      return <Broken phase={phase} />
    case 'absent':
      return <FirstUse status={phase.status} />
    case 'locked':
      return <Unlock status={phase.status} />
    default:
      return <Preparing phase={phase} />
  }
}

function GateBar() {
  return <TopBar about={t('app.title')}><LanguageSwitch /><ThemeSwitch /></TopBar>
}

const slow = 8000

/** While the program of the keys is loading. */
function Preparing({ phase }: { phase: Phase }) {
  useTitle(t('preparing.title'))
  const [late, setLate] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), slow)
    return () => clearTimeout(timer)
  }, [])
  const { loaded = 0, total = 0 } = (phase.at === 'preparing' && phase.loading) || {}
  return (
    <div class="dp-gate">
      <Card title={t('preparing.title')} level={1}>
        <Progress label={<span class="mu-hidden">{t('preparing.title')}</span>} {...(total > 0 && { value: loaded, max: total })} />
        <p>{t('preparing.text')}</p>
        {late && <Callout tone="info" title={t('preparing.slow')} />}
      </Card>
    </div>
  )
}

function Broken({ phase }: { phase: Extract<Phase, { at: 'broken' }> }) {
  const place = useWorkplace()
  const { title, advice } = troubleWords(phase.trouble)
  useTitle(title)
  return (
    <div class="dp-gate">
      <h1 class="mu-heading mu-heading--1">{title}</h1>
      <p class="dp-lead" role="alert">{advice}</p>
      <p><Button kind="primary" icon="refresh" onClick={() => void place.start()}>{t('app.retry')}</Button></p>
      <Technical>{phase.trouble.detail}{phase.trouble.code && ` (${phase.trouble.code})`}</Technical>
    </div>
  )
}
