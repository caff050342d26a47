import { useCallback, useMemo } from 'preact/hooks'
import { formatDate, formatDateTime, formatTime, formatUnit } from '../format.ts'
import { locales, language } from '../language.ts'
import { word } from '../words.ts'
import { padded } from './SignalPlot.tsx'
import { TimePlot, type PlotData } from './TimePlot.tsx'
import { describePoints, type Band, type Point } from './words.ts'

export interface LineSeries {
  name: string
  points: readonly Point[]
}

export interface LinePlotProps {
  label: string
  /** One line, or few that belong together, such as both blood pressures. */
  series: readonly LineSeries[]
  unit: string
  /** The reference range: a band, and triangles on what lies outside. */
  band?: Band
  height?: number
}

const day = 86_400

/** Single values over days to years. */
export function LinePlot({ label, series, unit, band, height = 180 }: LinePlotProps) {
  const sorted = useMemo(() => series.map((s) => ({ ...s, points: [...s.points].sort((a, b) => a.time - b.time) })), [series])
  const data = useMemo(() => aligned(sorted), [sorted])
  const show = useCallback<PlotData>(() => data, [data])
  const all = sorted.flatMap((s) => s.points)
  const whole = useMemo(() => span(data[0] as number[]), [data])
  if (all.length === 0) return null
  const values = all.map((p) => p.value)
    return (
    <TimePlot
      label={`${label}${unit ? ` (${formatUnit(unit)})` : ''}`}
      alternative={sorted.map((s) => describePoints(s.name, s.points, unit, band)).join('. ')}
      unit={unit}
      whole={whole}
      least={3600}
      y={padded({ min: Math.min(...values), max: Math.max(...values) }, band)}
      data={show}
      names={sorted.map((s) => s.name)}
      points
      band={band}
      moments
      ticks={(at, step) => at.map((t) => tick(t * 1000, step))}
      place={(t) => (all.some((p) => p.time === t * 1000 && p.time % 1000 !== 0) ? formatDateTime(t * 1000) : formatDate(new Date(t * 1000)))}
      height={height}
      back={word('wholeTime')}
    />
  )
}

// uPlot wants one axis for all lines: every time, with null where a line has no value.
function aligned(series: LineSeries[]): [number[], ...(number | null)[][]] {
  const times = [...new Set(series.flatMap((s) => s.points.map((p) => p.time / 1000)))].sort((a, b) => a - b)
  return [times, ...series.map((s) => {
    const at = new Map(s.points.map((p) => [p.time / 1000, p.value]))
    return times.map((t) => at.get(t) ?? null)
  })]
}

function span(times: number[]): { from: number; to: number } {
  const [first, last] = [times[0] ?? 0, times.at(-1) ?? 0]
  const room = Math.max((last - first) * 0.04, last > first ? 0 : 15 * day)
  return { from: first - room, to: last + room }
}

function tick(ms: number, step: number): string {
  if (step >= 360 * day) return formatDate(String(new Date(ms).getFullYear()))
  if (step >= 28 * day) return new Date(ms).toLocaleDateString(locales[language()], { month: 'short', year: 'numeric' })
  if (step >= day) return new Date(ms).toLocaleDateString(locales[language()], { day: 'numeric', month: 'short' })
  return formatTime(ms)
}
