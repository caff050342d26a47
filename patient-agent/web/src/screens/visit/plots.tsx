import { EcgStrip, readSignals, SignalPlot, type Signal } from '@medunion/ui/signals'
import { Callout, formatQuantity } from '@medunion/ui'
import { t } from '../../parts/text.ts'

/** The leads of one observation belong on one strip. */
function byObservation(signals: readonly Signal[]): Signal[][] {
  const groups = new Map<number, Signal[]>()
  for (const s of signals) groups.set(s.entry, [...(groups.get(s.entry) ?? []), s])
  return [...groups.values()]
}

/** Measurements as the doctor will see them. */
export function Plots({ bundle }: { bundle: object }) {
  const { observations, quantities, unreadable } = readSignals(bundle)
  return (
    <>
      {byObservation(observations).map((group) => {
        const first = group[0]!
        return (
          <section key={first.entry} class="pp-plot">
            {first.kind === 'ecg' ? <EcgStrip leads={group} label={first.name} /> : group.map((s, i) => <SignalPlot key={i} signal={s} />)}
          </section>
        )
      })}
      {quantities.length > 0 && (
        <ul class="pp-list">
          {quantities.map((q, i) => (
            <li key={i}>
              {q.name}: {formatQuantity(q)}
            </li>
          ))}
        </ul>
      )}
      {observations.length === 0 && quantities.length === 0 && <p>{t('recording.nothing')}</p>}
      {unreadable.length > 0 && <Callout tone="warn" title={t('recording.unreadable', { count: unreadable.length })} />}
    </>
  )
}
