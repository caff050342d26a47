import { colour, plotFont } from './canvas.ts'
import { linePoints } from './decimate.ts'
import type { Signal } from './read.ts'

/** How an ECG lies on its paper. */
export interface Paper {
  /** Seconds at the left edge of the trace. */
  start: number
  /** CSS pixels per millimetre of paper, with the zoom. */
  mm: number
  /** Millimetres per second. */
  speed: number
  /** Millimetres per millivolt. */
  gain: number
  width: number
}

/** A lead with its place. */
export interface Lane {
  signal: Signal
  /** From the signal's unit to millivolts. */
  toMilliVolt: number
  /** Millivolts at the upper and lower edge. */
  top: number
  bottom: number
}

const milliVolts: Record<string, number> = { mV: 1, uV: 1e-3, µV: 1e-3, μV: 1e-3, V: 1e3 }

/** The lanes of the leads whose unit is a voltage; the others are left. */
export function lanes(signals: readonly Signal[]): { lanes: Lane[]; others: Signal[] } {
  const known = signals.filter((s) => s.unit in milliVolts && s.range)
  return { lanes: known.map(lane), others: signals.filter((s) => !known.includes(s)) }
}

// At least 1 mV up and half down, at most 4 both ways, in steps of half a
// millivolt, so that the lane's edges fall on thick lines.
function lane(signal: Signal): Lane {
  const toMilliVolt = milliVolts[signal.unit]!
  const { min, max } = signal.range!
  const half = (v: number) => Math.ceil(Math.min(4, v + 0.2) * 2) / 2
  return { signal, toMilliVolt, top: Math.max(1, half(max * toMilliVolt)), bottom: -Math.max(0.5, half(-min * toMilliVolt)) }
}

/**
 * The width before the trace, in CSS pixels, for the lead's name and its
 * calibration pulse of 12 mm; none where it would take too much of the view.
 */
export function gutter(p: Pick<Paper, 'mm' | 'width'>): number {
  const px = 12 * p.mm
  return px > 0.4 * p.width ? 0 : px
}

export function laneHeight(l: Lane, p: Pick<Paper, 'mm' | 'gain'>): number {
  return (l.top - l.bottom) * p.gain * p.mm
}

/** How many seconds the paper shows. */
export function shownSeconds(p: Omit<Paper, 'start'>): number {
  return Math.max(0.1, (p.width - gutter(p)) / p.mm / p.speed)
}

/** Draws the leads below each other: grid, calibration pulse of 1 mV, name, trace, seconds. */
export function drawEcg(ctx: CanvasRenderingContext2D, all: readonly Lane[], p: Paper) {
  const height = all.reduce((sum, l) => sum + laneHeight(l, p), 0)
  ctx.fillStyle = colour('--mu-surface')
  ctx.fillRect(0, 0, p.width, height)
  grid(ctx, p, height)
  let y = 0
  for (const l of all) {
    const zero = y + l.top * p.gain * p.mm
    if (gutter(p) > 0) pulse(ctx, p, zero)
    trace(ctx, l, p, zero, y)
    leadName(ctx, l.signal.channel ?? l.signal.name, zero)
    y += laneHeight(l, p)
  }
  clock(ctx, p, height)
}

// Lines of the paper, fixed to the time: they move with the trace.
function grid(ctx: CanvasRenderingContext2D, p: Paper, height: number) {
  const shift = gutter(p) - p.start * p.speed * p.mm
  for (const [step, token] of [
    [1, '--mu-ecg-minor'],
    [5, '--mu-ecg-major'],
  ] as const) {
    const px = step * p.mm
    if (px < 3) continue
    ctx.fillStyle = colour(token)
    for (let x = ((shift % px) + px) % px; x < p.width; x += px) ctx.fillRect(crisp(x), 0, 1, height)
    for (let y = 0; y <= height + 0.5; y += px) ctx.fillRect(0, crisp(y), p.width, 1)
  }
}

const crisp = (x: number) => Math.round(x)

function pulse(ctx: CanvasRenderingContext2D, p: Paper, zero: number) {
  const [x, w, h] = [2 * p.mm, 5 * p.mm, p.gain * p.mm]
  pen(ctx)
  ctx.beginPath()
  ctx.moveTo(x - p.mm, zero)
  for (const [dx, dy] of [[0, 0], [0, h], [w, h], [w, 0], [w + p.mm, 0]] as const) ctx.lineTo(x + dx, zero - dy)
  ctx.stroke()
}

function pen(ctx: CanvasRenderingContext2D) {
  ctx.strokeStyle = colour('--mu-ecg-trace')
  ctx.lineWidth = 1.4
  ctx.lineJoin = 'round'
}

function trace(ctx: CanvasRenderingContext2D, l: Lane, p: Paper, zero: number, top: number) {
  const { values, hz } = l.signal
  const { at, value } = linePoints(values, p.start * hz - 1, (p.start + shownSeconds(p)) * hz + 1, Math.ceil(p.width))
  ctx.save()
  ctx.beginPath()
  ctx.rect(gutter(p), top, p.width - gutter(p), laneHeight(l, p))
  ctx.clip()
  pen(ctx)
  ctx.beginPath()
  let down = false
  at.forEach((i, n) => {
    const v = value[n]
    if (v === null || v === undefined) return void (down = false)
    const x = gutter(p) + (i / hz - p.start) * p.speed * p.mm
    const y = zero - v * l.toMilliVolt * p.gain * p.mm
    if (down) ctx.lineTo(x, y)
    else ctx.moveTo(x, y)
    down = true
  })
  ctx.stroke()
  ctx.restore()
}

// Below the pulse, where the gutter is free at every gain.
function leadName(ctx: CanvasRenderingContext2D, name: string, zero: number) {
  ctx.font = `600 ${plotFont}`
  const width = ctx.measureText(name).width
  ctx.fillStyle = colour('--mu-surface')
  ctx.fillRect(4, zero + 3, width + 8, 16)
  ctx.fillStyle = colour('--mu-ink')
  ctx.textBaseline = 'middle'
  ctx.fillText(name, 8, zero + 11)
}

// Seconds at the lower edge, as far apart as their words need.
function clock(ctx: CanvasRenderingContext2D, p: Paper, height: number) {
  const perSecond = p.speed * p.mm
  const step = [1, 2, 5, 10, 30, 60, 120, 300].find((s) => s * perSecond > 56) ?? 600
  ctx.font = plotFont
  ctx.textBaseline = 'bottom'
  for (let s = Math.ceil(p.start / step) * step; s <= p.start + shownSeconds(p); s += step) {
    const words = s < 60 ? `${s} s` : `${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')}`
    const x = gutter(p) + (s - p.start) * perSecond
    ctx.fillStyle = colour('--mu-surface')
    ctx.fillRect(x + 2, height - 17, ctx.measureText(words).width + 6, 16)
    ctx.fillStyle = colour('--mu-ink-2')
    ctx.fillText(words, x + 5, height - 2)
  }
}
