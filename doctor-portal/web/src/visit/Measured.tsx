import { Callout, Card, formatDateTime, formatQuantity, formatUnit, SummaryList, Tag } from '@medunion/ui'
import { EcgStrip, readSignals, signalName, SignalPlot, type Signal } from '@medunion/ui/signals'
import { useMemo } from 'preact/hooks'
import { t } from '../texts/index.ts'

/** What the patient's devices measured, as plots. */
export function Measured({ signals }: { signals: string }) {
  const read = useMemo(() => {
    try {
      return readSignals(signals)
    } catch {
      return undefined
    }
  }, [signals])
  const nothing = !read || (read.observations.length === 0 && read.quantities.length === 0 && read.unreadable.length === 0)
  return (
    <Card title={t('measured.title')} dense aside={!nothing && <Tag tone="warn">{t('measured.stated')}</Tag>}>
      {nothing ? <p class="mu-quiet">{t('measured.none')}</p> : (
        <>
          {recordings(read.observations).map((r, i) => <Recording key={i} signals={r} />)}
          {read.quantities.length > 0 && (
            <SummaryList
              dense
              rows={read.quantities.map((q) => ({
                key: q.name,
                value: <>{formatQuantity({ value: q.value, unit: formatUnit(q.unit) })}{q.time !== undefined && <span class="mu-quiet"> · {formatDateTime(q.time)}</span>}</>,
              }))}
            />
          )}
          {read.unreadable.length > 0 && <Callout tone="warn" title={t('measured.unreadable')} />}
          <p class="mu-quiet dp-small">{t('measured.note')}</p>
        </>
      )}
    </Card>
  )
}

/** The leads of one ECG belong together; everything else stands alone. */
function recordings(all: Signal[]): Signal[][] {
  const out: Signal[][] = []
  for (const s of all) {
    const same = s.kind === 'ecg' ? out.find((r) => r[0]?.kind === 'ecg' && r[0].entry === s.entry) : undefined
    if (same) same.push(s)
    else out.push([s])
  }
  return out
}

function Recording({ signals }: { signals: Signal[] }) {
  const first = signals[0]!
  const label = first.start === undefined ? signalName(first) : `${signalName(first)} · ${formatDateTime(first.start, { seconds: true })}`
  return (
    <div class="dp-recording">
      {first.kind === 'ecg' ? <EcgStrip leads={signals} label={label} /> : <SignalPlot signal={first} label={label} {...(first.kind === 'heartRate' && { band: { low: 60, high: 100 } })} />}
    </div>
  )
}
