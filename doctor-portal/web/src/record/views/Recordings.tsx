import { EcgStrip, SignalPlot, type Signal } from '@medunion/ui/signals'

interface Props {
  signals: readonly Signal[]
  /** What stands above a plot. */
  label: (s: Signal) => string
}

/** Recordings as plots: the leads of one ECG on one paper, everything else alone. */
export function Recordings({ signals, label }: Props) {
  return <>{together(signals).map((r, i) => <Recording key={i} signals={r} label={label(whole(r))} />)}</>
}

/** Of several leads none gives its name to all. */
function whole([first, ...others]: Signal[]): Signal {
  const { channel, ...rest } = first!
  return others.length === 0 && channel ? first! : rest
}

function together(all: readonly Signal[]): Signal[][] {
  const out: Signal[][] = []
  for (const s of all) {
    const same = s.kind === 'ecg' ? out.find((r) => r[0]?.kind === 'ecg' && r[0].entry === s.entry) : undefined
    if (same) same.push(s)
    else out.push([s])
  }
  return out
}

function Recording({ signals, label }: { signals: Signal[]; label: string }) {
  const first = signals[0]!
  return (
    <div class="rec-recording">
      {first.kind === 'ecg' ? <EcgStrip leads={signals} label={label} /> : <SignalPlot signal={first} label={label} {...(first.kind === 'heartRate' && { band: { low: 60, high: 100 } })} />}
    </div>
  )
}
