import { useEffect, useState } from 'preact/hooks'
import { Button, Callout, Card, FileInput, Icon } from '@medunion/ui'
import { largest, recordingOf, type Recording } from '../../logic/recording.ts'
import { chosen, draft, recordings } from '../../parts/draft.ts'
import { go, replace, to } from '../../parts/route.ts'
import { Actions, Lead, Screen } from '../../parts/screen.tsx'
import { t } from '../../parts/text.ts'

const most = 16
let count = 0

/** Reads a file's text, or says what is wrong with it. */
async function read(file: File): Promise<Recording | string> {
  if (file.size > largest) return t('measure.large', { name: file.name, limit: largest / 1024 / 1024 })
  if (file.size === 0) return t('measure.empty', { name: file.name })
  const r = recordingOf(++count, file.name, await file.text())
  if (r === undefined) return t('measure.unknown', { name: file.name })
  try {
    if (r.format === 'fhir') JSON.parse(r.text)
  } catch {
    return t('measure.json', { name: file.name })
  }
  return r
}

/** What she measured herself. The files stay in memory. */
export function Measure() {
  const list = recordings.use()
  const d = draft.use()
  const [error, setError] = useState<string>()
  const [lost] = useState(() => (d?.files ?? 0) > list.length)
  useEffect(() => {
    if (d === undefined) replace(to.scan)
  }, [d === undefined])
  const add = async (file: File | undefined) => {
    if (file === undefined) return
    const r = list.length >= most ? t('measure.many', { count: most }) : await read(file).catch(() => t('measure.unreadable', { name: file.name }))
    if (typeof r === 'string') return setError(r)
    setError(undefined)
    chosen.set(r)
    go(to.recording)
  }
  return (
    <Screen title={t('measure.title')} back={to.share} step={3}>
      <Lead>{t('measure.text')}</Lead>
      {lost && list.length === 0 && (
        <Callout tone="info" title={t('measure.lost')}>
          <p>{t('measure.lost.text')}</p>
        </Callout>
      )}
      {list.map((r) => (
        <Added key={r.key} r={r} />
      ))}
      <FileInput
        label={list.length === 0 ? t('measure.add') : t('measure.another')}
        hint={t('measure.file.hint')}
        accept=".csv,.json,.txt,text/csv,application/json"
        files={[]}
        error={error}
        onFiles={(files) => void add(files[0])}
      />
      <Actions>
        <Button kind="primary" size="wide" href={to.approve}>
          {list.length === 0 ? t('measure.none') : t('measure.next')}
        </Button>
      </Actions>
    </Screen>
  )
}

function Added({ r }: { r: Recording }) {
  return (
    <Card
      title={
        <>
          <Icon name="pulse" /> {r.name}
        </>
      }
      dense
    >
      <p>{r.kind ? t(`recording.kind.${r.kind}`) : 'FHIR'}</p>
      <Button icon="trash" onClick={() => recordings.set(recordings.get().filter((x) => x.key !== r.key))}>
        {t('measure.remove', { name: r.name })}
      </Button>
    </Card>
  )
}
