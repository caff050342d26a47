import { outside, type Band, type Point } from './words.ts'

export interface SparklineProps {
  points: readonly Point[]
  band?: Band
  width?: number
  height?: number
}

/** The course of a value beside it, the last one marked. The value itself stands in words. */
export function Sparkline({ points, band, width = 96, height = 24 }: SparklineProps) {
  if (points.length < 2) return <svg class="mu-spark" width={width} height={height} aria-hidden="true" focusable="false" />
  const place = placer(points, band, width, height)
  const last = points.at(-1)!
  const [x, y] = place(last)
  const flat = (v: number) => place({ time: last.time, value: v })[1]
  return (
    <svg class="mu-spark" viewBox={`0 0 ${width} ${height}`} width={width} height={height} aria-hidden="true" focusable="false">
      {band && <BandRect band={band} y={flat} width={width} height={height} />}
      <path class="mu-spark__line" d={points.map((p, i) => `${i ? 'L' : 'M'}${place(p).map((n) => n.toFixed(1)).join(' ')}`).join('')} />
      <circle class={`mu-spark__last${outside(last.value, band) ? ' mu-spark__last--out' : ''}`} cx={x} cy={y} r="3" />
    </svg>
  )
}

function BandRect({ band, y, width, height }: { band: Band; y: (v: number) => number; width: number; height: number }) {
  const upper = band.high === undefined ? 0 : y(band.high)
  const lower = band.low === undefined ? height : y(band.low)
  return <rect class="mu-spark__band" x="0" y={upper} width={width} height={Math.max(0, lower - upper)} />
}

function placer(points: readonly Point[], band: Band | undefined, width: number, height: number): (p: Point) => [number, number] {
  const times = points.map((p) => p.time)
  const values = points.map((p) => p.value).concat(band?.low ?? [], band?.high ?? [])
  const [t0, t1, v0, v1] = [Math.min(...times), Math.max(...times), Math.min(...values), Math.max(...values)]
  return (p) => [4 + ((p.time - t0) / (t1 - t0 || 1)) * (width - 8), height - 4 - ((p.value - v0) / (v1 - v0 || 1)) * (height - 8)]
}
