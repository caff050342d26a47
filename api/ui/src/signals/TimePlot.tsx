import { useEffect, useRef, useState } from 'preact/hooks'
import type uPlot from 'uplot'
import { useLanguage } from '../language.ts'
import { formatUnit } from '../format.ts'
import { colour, plotFont, useColours, useWidth } from './canvas.ts'
import { useGestures, type Gestures } from './gestures.ts'
import { PlotFrame } from './PlotFrame.tsx'
import { moved, zoomed, type Range } from './range.ts'
import { formatValue, outside, type Band } from './words.ts'

/** What a plot over time shows in a range, in so many columns. Another function means other data. */
export type PlotData = (range: Range, columns: number) => uPlot.AlignedData

export interface TimePlotProps {
  label: string
  alternative: string
  unit: string
  /** All of the axis, in seconds, and the least part of it that can be shown. */
  whole: Range
  least: number
  y: Range
  data: PlotData
  /** Names of the lines, for the value under the cursor; one if there is none. */
  names: string[]
  /** Single values marked by points, or a dense line. */
  points: boolean
  band?: Band
  /** The axis holds moments (Unix seconds), else the time since the start. */
  moments: boolean
  /** Writes the places on the axis, whose distance is given in seconds. */
  ticks: (at: number[], distance: number) => string[]
  /** Writes the place under the cursor. */
  place: (at: number) => string
  height?: number
  back: string
}

// As the lines themselves: by colour and by dashes.
function Legend({ names }: { names: string[] }) {
  return (
    <span class="mu-plot__legend">
      {names.map((name, i) => (
        <span key={i}>
          <svg width="28" height="8" aria-hidden="true" focusable="false" class={`mu-plot__line-${i % lineTokens.length}`}>
            <path d="M0 4h28" stroke-dasharray={dashes[i % dashes.length]!.join(' ') || undefined} />
          </svg>
          {name}
        </span>
      ))}
    </span>
  )
}

const lineTokens = ['--mu-plot-1', '--mu-plot-2', '--mu-info', '--mu-warn']
const dashes = [[], [6, 3], [2, 3], [8, 3, 2, 3]]

/** The plot over time below SignalPlot and LinePlot. */
export function TimePlot(p: TimePlotProps) {
  const lang = useLanguage()
  const area = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | undefined>(undefined)
  const width = useWidth(area)
  const colours = useColours()
  const [range, setRange] = useState(p.whole)
  const [readout, setReadout] = useState('')
  const now = useRef(p)
  now.current = p
  const draw = usePlotter(width >= 40)
  const frame = [draw, width, colours, lang, p.names.length, p.points, p.height]
  const gestures = plotGestures(() => plot.current, range, p, setRange)
  useGestures(area, gestures)
  useEffect(() => setRange(p.whole), [p.whole.from, p.whole.to])
  useEffect(() => {
    if (!draw || !area.current) return
    plot.current = new draw(options(now, width, setReadout), [[]], area.current)
    return () => {
      plot.current?.destroy()
      plot.current = undefined
    }
  }, frame)
  useEffect(() => {
    const u = plot.current
    if (!u) return
    u.batch(() => {
      u.setData(p.data(range, Math.ceil(u.bbox.width / devicePixelRatio)), false)
      u.setScale('x', { min: range.from, max: range.to })
      u.setScale('y', { min: p.y.from, max: p.y.to })
    })
  }, [range, p.data, p.y.from, p.y.to, ...frame])
  return <PlotFrame label={p.label} alternative={p.alternative} gestures={gestures} width={width} back={p.back} area={area} readout={readout} legend={p.names.length > 1 && <Legend names={p.names} />} />
}

// uPlot comes with the first plot that shows: most screens have none. If it
// does not come, the words of the plot are there.
function usePlotter(wanted: boolean): typeof uPlot | undefined {
  const [draw, set] = useState<{ default: typeof uPlot }>()
  useEffect(() => {
    if (!wanted) return
    let here = true
    import('uplot').then((m) => here && set(m), () => {})
    return () => void (here = false)
  }, [wanted])
  return wanted ? draw?.default : undefined
}

function plotGestures(u: () => uPlot | undefined, range: Range, p: TimePlotProps, set: (r: Range) => void): Gestures {
  const span = range.to - range.from
  const left = () => (u()?.bbox.left ?? 0) / devicePixelRatio
  const inner = () => Math.max(1, (u()?.bbox.width ?? 1) / devicePixelRatio)
  return {
    pan: (px) => set(moved(range, (px / inner()) * span, p.whole)),
    zoom: (factor, px) => set(zoomed(range, factor, range.from + ((px - left()) / inner()) * span, p.whole, p.least)),
    reset: () => set(p.whole),
    end: (side) => set(moved(range, side * (p.whole.to - p.whole.from), p.whole)),
  }
}

function options(now: { current: TimePlotProps }, width: number, say: (text: string) => void): uPlot.Options {
  const p = now.current
  const axis = { stroke: () => colour('--mu-ink-2'), font: plotFont, ticks: { show: false }, gap: 6 }
  const grid = { stroke: () => colour('--mu-line'), width: 1 }
  return {
    width,
    height: p.height ?? 200,
    legend: { show: false },
    padding: [10, 28, 0, 0],
    scales: { x: { time: p.moments, auto: false }, y: { auto: false } },
    axes: [
      {
        ...axis,
        grid: { show: false },
        space: () => Math.min(92, Math.max(56, width / 10)),
        size: 30,
        values: (_u, at, _a, _s, distance) => now.current.ticks(at, distance),
        ...(!p.moments && { incrs: elapsedSteps }),
      },
      { ...axis, grid, size: axisSize, space: 32, values: (_u, at) => at.map(formatValue) },
    ],
    series: [{}, ...p.names.map((_, i) => line(i, p.points))],
    cursor: { drag: { x: false, y: false }, y: false, points: { size: 9 } },
    hooks: {
      drawClear: [(u) => ground(u, now.current.band)],
      draw: [(u) => marks(u, now.current)],
      setCursor: [(u) => say(underCursor(u, now.current))],
    },
  }
}

const elapsedSteps = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400]

// As wide as its longest word, which differs between 0.5 and 16,000.
function axisSize(u: uPlot, values: string[] | null): number {
  if (!values) return 40
  u.ctx.font = plotFont
  return 16 + Math.max(20, ...values.map((v) => u.ctx.measureText(v).width))
}

function line(i: number, points: boolean): uPlot.Series {
  const stroke = () => colour(lineTokens[i % lineTokens.length]!)
  return {
    stroke,
    width: points ? 1.75 : 1.4,
    dash: dashes[i % dashes.length],
    spanGaps: points,
    points: { show: points, size: 7, stroke, fill: stroke },
  }
}

// The frame's ground, and the reference band with its edges.
function ground(u: uPlot, band?: Band) {
  const { left, top, width, height } = u.bbox
  u.ctx.save()
  u.ctx.fillStyle = colour('--mu-surface')
  u.ctx.fillRect(left, top, width, height)
  if (band && (band.low !== undefined || band.high !== undefined)) {
    const clamp = (y: number) => Math.min(top + height, Math.max(top, y))
    const upper = band.high === undefined ? top : clamp(u.valToPos(band.high, 'y', true))
    const lower = band.low === undefined ? top + height : clamp(u.valToPos(band.low, 'y', true))
    u.ctx.fillStyle = colour('--mu-plot-band')
    u.ctx.fillRect(left, upper, width, Math.max(0, lower - upper))
  }
  u.ctx.restore()
}

// Values outside of the band are marked by their shape: a triangle up or down.
function marks(u: uPlot, p: TimePlotProps) {
  if (!p.points || !p.band) return
  const size = 7 * devicePixelRatio
  u.ctx.save()
  u.ctx.fillStyle = colour('--mu-plot-out')
  u.ctx.strokeStyle = colour('--mu-surface')
  u.ctx.lineWidth = 1.5 * devicePixelRatio
  for (let s = 1; s < u.data.length; s++) {
    u.data[s]!.forEach((v, i) => {
      const side = typeof v === 'number' ? outside(v, p.band) : undefined
      const x = u.valToPos(u.data[0]![i]!, 'x', true)
      if (!side || x < u.bbox.left || x > u.bbox.left + u.bbox.width) return
      triangle(u.ctx, x, u.valToPos(v as number, 'y', true), side === 'high' ? -size : size)
    })
  }
  u.ctx.restore()
}

function triangle(ctx: CanvasRenderingContext2D, x: number, y: number, h: number) {
  ctx.beginPath()
  ctx.moveTo(x, y + h)
  ctx.lineTo(x - Math.abs(h) * 0.9, y - h * 0.6)
  ctx.lineTo(x + Math.abs(h) * 0.9, y - h * 0.6)
  ctx.closePath()
  ctx.fill()
  ctx.stroke()
}

function underCursor(u: uPlot, p: TimePlotProps): string {
  const i = u.cursor.idx
  const at = i === null || i === undefined ? undefined : u.data[0]?.[i]
  if (at === undefined || (u.cursor.left ?? -1) < 0) return ''
  const values = p.names.map((name, s) => {
    const v = u.data[s + 1]?.[i!]
    return typeof v === 'number' ? `${p.names.length > 1 ? `${name} ` : ''}${formatValue(v)} ${formatUnit(p.unit)}` : ''
  })
  return `${values.filter(Boolean).join(', ')} · ${p.place(at)}`
}
