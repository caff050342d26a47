import type { ComponentType } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Button, ErrorSummary, Radios, TextInput } from '@medunion/ui'
import { agent } from '../../api/client.ts'
import { kinds, ready, toSignals, type Kind, type Recording } from '../../logic/recording.ts'
import { chosen, recordings } from '../../parts/draft.ts'
import { Waiting } from '../../parts/load.tsx'
import { replace, to } from '../../parts/route.ts'
import { Actions, Lead, Screen } from '../../parts/screen.tsx'
import { t } from '../../parts/text.ts'
import { Trouble } from '../../parts/trouble.tsx'
import { useWork, type Work } from '../../parts/work.ts'

/** What a chosen file shows, and how the doctor will see it. Added only after it was looked at. */
export function RecordingScreen() {
  const r = chosen.use()
  const [bundle, setBundle] = useState<object>()
  const work = useWork()
  useEffect(() => {
    if (r === undefined) replace(to.measure)
  }, [r === undefined])
  const preview = (x: Recording) =>
    work.run(async () => {
      chosen.set(x)
      setBundle(await agent.preview([toSignals(x)]))
    })
  useEffect(() => {
    if (r?.format === 'fhir') void preview(r)
  }, [])
  if (r === undefined) return null
  if (bundle !== undefined) return <Preview r={r} bundle={bundle} edit={() => setBundle(undefined)} />
  return (
    <Screen key="about" title={t('about.recording', { name: r.name })} back={to.measure} step={3}>
      {work.problem && <Trouble problem={work.problem} />}
      {r.format === 'csv' ? <Particulars r={r} work={work} preview={(x) => void preview(x)} /> : work.busy && <Waiting says={t('recording.previewing')} />}
    </Screen>
  )
}

interface ParticularsProps {
  r: Recording
  work: Work
  preview: (r: Recording) => void
}

function Particulars({ r, work, preview }: ParticularsProps) {
  const [kind, setKind] = useState<Kind | undefined>(r.kind)
  const [hz, setHz] = useState(r.hz ?? '')
  const [start, setStart] = useState(r.start === undefined ? '' : localInput(r.start))
  const [tried, setTried] = useState(false)
  const next: Recording = { ...r, kind, hz: hz.trim().replace(',', '.'), start: start === '' ? undefined : new Date(start).toISOString() }
  const badKind = tried && kind === undefined ? t('recording.kind.missing') : undefined
  const badHz = tried && !ready({ ...next, kind: 'ecg' }) ? t('recording.hz.missing') : undefined
  const submit = (e: Event) => {
    e.preventDefault()
    setTried(true)
    if (ready(next)) preview(next)
  }
  return (
    <form onSubmit={submit} noValidate>
      <ErrorSummary errors={[badKind && { id: 'kind', text: badKind }, badHz && { id: 'hz', text: badHz }].filter((x) => x !== undefined && x !== '')} />
      <Radios<Kind> id="kind" label={t('recording.kind')} error={badKind} value={kind} onChange={setKind} options={kinds.map((k) => ({ value: k, label: t(`recording.kind.${k}`) }))} />
      <TextInput id="hz" label={t('recording.hz')} hint={t('recording.hz.hint')} error={badHz} value={hz} onInput={setHz} inputMode="decimal" width="short" maxLength={25} />
      <TextInput type="datetime-local" label={t('recording.start')} hint={t('recording.start.hint')} optional value={start} onInput={setStart} max={localInput(new Date().toISOString())} />
      <Actions>
        <Button kind="primary" size="wide" type="submit" busy={work.busy}>
          {work.busy ? t('recording.previewing') : t('recording.preview')}
        </Button>
      </Actions>
    </form>
  )
}

/** A moment as a datetime-local field writes it. */
function localInput(time: string): string {
  const d = new Date(time)
  return new Date(d.getTime() - d.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}

/** The plots are a chunk of their own: most visits need none. */
function usePlots(): ComponentType<{ bundle: object }> | undefined {
  const [plots, set] = useState<{ Plots: ComponentType<{ bundle: object }> }>()
  useEffect(() => void import('./plots.tsx').then(set), [])
  return plots?.Plots
}

function Preview({ r, bundle, edit }: { r: Recording; bundle: object; edit: () => void }) {
  const Plots = usePlots()
  const add = () => {
    recordings.set([...recordings.get().filter((x) => x.key !== r.key), r])
    replace(to.measure)
  }
  return (
    <Screen key="preview" title={t('recording.preview.title')} onBack={r.format === 'csv' ? edit : undefined} back={r.format === 'csv' ? undefined : to.measure} step={3}>
      <Lead>{r.name}</Lead>
      {Plots ? <Plots bundle={bundle} /> : <Waiting says={t('recording.previewing')} />}
      <Actions>
        <Button kind="primary" size="wide" onClick={add}>
          {t('recording.keep')}
        </Button>
        {r.format === 'csv' && (
          <Button size="wide" onClick={edit}>
            {t('recording.edit')}
          </Button>
        )}
      </Actions>
    </Screen>
  )
}
