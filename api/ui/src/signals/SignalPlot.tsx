import { useCallback, useMemo } from 'preact/hooks'
import { formatDateTime, formatTime, formatUnit } from '../format.ts'
import { word } from '../words.ts'
import { linePoints } from './decimate.ts'
import { seconds, type Signal } from './read.ts'
import { TimePlot, type PlotData } from './TimePlot.tsx'
import { describeSignal, formatElapsed, signalName, type Band } from './words.ts'

export interface SignalPlotProps {
  signal: Signal
  height?: number
  /** Where the values are usual, shown as a band. */
  band?: Band
  label?: string
}

/** A recording over time: a heart rate of a day, a pulse curve. Extremes show at every zoom. */
export function SignalPlot({ signal, height, band, label }: SignalPlotProps) {
  const { values, hz, start } = signal
  const from = (start ?? 0) / 1000
  const whole = useMemo(() => ({ from, to: from + Math.max(seconds(signal), 1e-3) }), [signal])
  const y = useMemo(() => padded(signal.range ?? { min: 0, max: 1 }, band), [signal, band])
  const data = useCallback<PlotData>((r, columns) => {
    const { at, value } = linePoints(values, (r.from - from) * hz - 1, (r.to - from) * hz + 2, columns)
    return [at.map((i) => from + i / hz), value]
  }, [signal])
  if (values.length === 0) return <p class="mu-quiet">{describeSignal(signal)}</p>
  return (
    <TimePlot
      label={label ?? `${signalName(signal)}${signal.unit ? ` (${formatUnit(signal.unit)})` : ''}`}
      alternative={describeSignal(signal)}
      unit={signal.unit}
      whole={whole}
      least={Math.min(8 / hz, whole.to - whole.from)}
      y={y}
      data={data}
      names={[signalName(signal)]}
      points={false}
      band={band}
      moments={start !== undefined}
      ticks={(at, step) => at.map((t) => (start === undefined ? formatElapsed(t, 2) : formatTime(t * 1000, { seconds: step < 60 })))}
      place={(t) => (start === undefined ? formatElapsed(t, 2) : formatDateTime(t * 1000, { seconds: true }))}
      height={height}
      back={word('whole')}
    />
  )
}

/** The axis of values: all of them and the band's edges, with a little room. */
export function padded(r: { min: number; max: number }, band?: Band): { from: number; to: number } {
  const min = Math.min(r.min, band?.low ?? r.min)
  const max = Math.max(r.max, band?.high ?? r.max)
  const room = (max - min || Math.abs(max) || 1) * 0.08
  return { from: min - room, to: max + room }
}
