import { useEffect, useRef, useState } from 'preact/hooks'
import { Button } from '../components/Button.tsx'
import { Callout } from '../components/show.tsx'
import { formatNumber } from '../format.ts'
import { useLanguage } from '../language.ts'
import { word } from '../words.ts'
import { useColours, useWidth } from './canvas.ts'
import { drawEcg, gutter, laneHeight, lanes, shownSeconds, type Lane, type Paper } from './ecg.ts'
import { useGestures, type Gestures } from './gestures.ts'
import { PlotFrame } from './PlotFrame.tsx'
import { moved } from './range.ts'
import { seconds, type Signal } from './read.ts'
import { RulerDialog } from './RulerDialog.tsx'
import { usePxPerMm } from './ruler.ts'
import { SignalPlot } from './SignalPlot.tsx'
import { describeSignal, formatElapsed } from './words.ts'

export interface EcgStripProps {
  /** The leads of one recording. */
  leads: readonly Signal[]
  label: string
}

const speeds = [12.5, 25, 50] // mm/s
const gains = [5, 10, 20] // mm/mV

/** An ECG as on paper: 25 mm/s and 10 mm/mV in real millimetres, until another scale is chosen. */
export function EcgStrip({ leads, label }: EcgStripProps) {
  useLanguage()
  const all = lanes(leads)
  return (
    <>
      {all.lanes.length > 0 && <Strip lanes={all.lanes} label={label} />}
      {all.others.map((s, i) => (
        <div key={i}>
          <Callout tone="info" title={word('noScale')} />
          <SignalPlot signal={s} />
        </div>
      ))}
    </>
  )
}

interface StripView {
  /** Seconds at the left edge. */
  start: number
  /** 1 is true scale. */
  zoom: number
  speed: number
  gain: number
}

function Strip({ lanes: leads, label }: { lanes: Lane[]; label: string }) {
  const area = useRef<HTMLDivElement>(null)
  const canvas = useRef<HTMLCanvasElement>(null)
  const width = useWidth(area)
  const colours = useColours()
  const ruler = usePxPerMm()
  const [view, setView] = useState<StripView>({ start: 0, zoom: 1, speed: 25, gain: 10 })
  const change = (v: Partial<StripView>) => setView((old) => ({ ...old, ...v }))
  const whole = { from: 0, to: Math.max(...leads.map((l) => seconds(l.signal))) }
  const paper: Paper = { ...view, mm: ruler * view.zoom, width }
  const shown = shownSeconds(paper)
  const gestures = stripGestures(paper, ruler, whole, view.zoom, change)
  useGestures(area, gestures)
  useEffect(() => {
    if (canvas.current && width > 0) paint(canvas.current, leads, paper)
  }, [width, leads, view, ruler, colours])
  const place = word('positionOf', { from: formatElapsed(view.start), to: formatElapsed(Math.min(whole.to, view.start + shown)), all: formatElapsed(whole.to) })
  return (
    <PlotFrame
      label={label}
      alternative={leads.map((l) => describeSignal(l.signal)).join('. ')}
      gestures={gestures}
      width={width}
      back={word('trueScale')}
      area={area}
      readout={`${scaleWords(view.zoom)} · ${place}`}
      canvas={<canvas class="mu-plot__canvas" ref={canvas} aria-hidden="true" />}
      tools={<StripTools view={view} onChange={change} />}
    >
      <Place at={view.start} last={Math.max(0, whole.to - shown)} words={place} onChange={(start) => change({ start })} />
    </PlotFrame>
  )
}

function scaleWords(zoom: number): string {
  return Math.abs(zoom - 1) < 0.005 ? word('atScale') : word('timesScale', { factor: formatNumber(zoom, { maximumFractionDigits: 2 }) })
}

function StripTools({ view, onChange }: { view: StripView; onChange: (v: Partial<StripView>) => void }) {
  const [measuring, setMeasuring] = useState(false)
  return (
    <>
      <Choice label={word('speed')} unit="mm/s" options={speeds} value={view.speed} onChange={(speed) => onChange({ speed })} />
      <Choice label={word('gain')} unit="mm/mV" options={gains} value={view.gain} onChange={(gain) => onChange({ gain })} />
      <Button kind="quiet" size="small" icon="ruler" aria-label={word('ruler')} title={word('ruler')} onClick={() => setMeasuring(true)} />
      <RulerDialog open={measuring} onClose={() => setMeasuring(false)} />
    </>
  )
}

// Where the strip is in the recording; by it a screen reader can move, too.
function Place(p: { at: number; last: number; words: string; onChange: (at: number) => void }) {
  return (
    <input
      class="mu-plot__place mu-noprint"
      type="range"
      aria-label={word('position')}
      aria-valuetext={p.words}
      min={0}
      max={p.last}
      step={0.1}
      value={p.at}
      disabled={p.last === 0}
      onInput={(e) => p.onChange(Number(e.currentTarget.value))}
    />
  )
}

function Choice(p: { label: string; unit: string; options: number[]; value: number; onChange: (v: number) => void }) {
  return (
    <label class="mu-plot__choice">
      <span class="mu-hidden">{p.label}</span>
      <select value={String(p.value)} onChange={(e) => p.onChange(Number(e.currentTarget.value))}>
        {p.options.map((o) => <option key={o} value={String(o)} selected={o === p.value}>{formatNumber(o)} {p.unit}</option>)}
      </select>
    </label>
  )
}

function stripGestures(paper: Paper, ruler: number, whole: { from: number; to: number }, zoom: number, set: (v: Partial<StripView>) => void): Gestures {
  const shown = shownSeconds(paper)
  const at = (start: number, length: number) => moved({ from: start, to: start + length }, 0, whole).from
  const rescale = (next: number, px: number) => {
    const around = paper.start + Math.max(0, px - gutter(paper)) / (paper.speed * paper.mm)
    const mm = ruler * next
    const start = around - Math.max(0, px - gutter({ ...paper, mm })) / (paper.speed * mm)
    set({ zoom: next, start: at(start, shownSeconds({ ...paper, mm })) })
  }
  return {
    pan: (px) => set({ start: at(paper.start + px / (paper.speed * paper.mm), shown) }),
    zoom: (factor, px) => rescale(Math.min(6, Math.max(0.25, zoom / factor)), px),
    reset: () => rescale(1, 0),
    end: (side) => set({ start: side < 0 ? 0 : at(whole.to, shown) }),
  }
}

function paint(canvas: HTMLCanvasElement, leads: Lane[], paper: Paper) {
  const dots = globalThis.devicePixelRatio || 1
  const height = leads.reduce((sum, l) => sum + laneHeight(l, paper), 0)
  canvas.width = Math.round(paper.width * dots)
  canvas.height = Math.round(height * dots)
  canvas.style.width = `${paper.width}px`
  canvas.style.height = `${height}px`
  const ctx = canvas.getContext('2d')
  if (!ctx) return
  ctx.scale(dots, dots)
  drawEcg(ctx, leads, paper)
}
