import { Callout } from '@medunion/ui'
import { readSignals, signalName, type Signal, type Signals } from '@medunion/ui/signals'
import { useMemo } from 'preact/hooks'
import { str } from '../fhir/json'
import { t } from '../texts'
import type { Item } from '../types'
import { date } from '../words/when'
import { useChart } from './context'
import { Recordings } from './Recordings'

/** What an observation recorded (SampledData), as plots. */
export function Recorded({ item }: { item: Item }) {
  const { store } = useChart()
  const read = useMemo(() => readRecorded(store.raw(item)), [store, item])
  const at = item.when ? ` · ${date(item.when)}` : ''
  return (
    <>
      <Recordings signals={read.observations} label={(s) => signalName(s) + at} />
      {read.unreadable.length > 0 && <Callout tone="warn" title={t('recording.unreadable')}>{read.unreadable.map((u) => <p key={u.says} lang="en">{u.says}</p>)}</Callout>}
    </>
  )
}

const none: Signals = { observations: [], quantities: [], unreadable: [] }

/** Recordings in the words of a record; they run from their beginning, as a record's hours are those of the place where it was written. */
function readRecorded(raw: string | undefined): Signals {
  try {
    const read = readSignals(raw ?? '')
    return { ...read, observations: read.observations.filter((s) => s.absent === undefined).map(plain) }
  } catch {
    return none
  }
}

function plain({ start: _, ...s }: Signal): Signal {
  const channel = str(s.channel)
  return { ...s, name: str(s.name) ?? '', unit: str(s.unit) ?? '', ...(channel && { channel }) }
}
