import { Callout, Card, formatDateTime, formatQuantity, formatUnit, SummaryList, Tag } from '@medunion/ui'
import { readSignals, signalName, type Signal } from '@medunion/ui/signals'
import { useMemo } from 'preact/hooks'
import { Recordings } from '../record/index.ts'
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
          <Recordings signals={read.observations} label={recordingWords} />
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

const recordingWords = (s: Signal) => (s.start === undefined ? signalName(s) : `${signalName(s)} · ${formatDateTime(s.start, { seconds: true })}`)
