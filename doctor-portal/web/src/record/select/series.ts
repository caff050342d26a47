import { formatUnit } from '@medunion/ui'
import { identity } from '../fhir/codes'
import { newestFirst } from '../fhir/dates'
import { normal, type Quantity, type Range } from '../fhir/value'
import { flagsOf, gravest } from '../read/observation'
import type { Flag, Group, Item, Observation } from '../types'

/** One number of a series' plot; the time in milliseconds. */
export interface Point {
  readonly time: number
  readonly value: number
}

/** The line of one quantity over time; blood pressure has two. */
export interface Line {
  readonly name: string
  /** As people write it, so that mm[Hg] and mmHg are one. */
  readonly unit: string
  readonly points: readonly Point[]
  readonly range?: Range | undefined
}

/** All values of one test, of all hospitals, the newest first. */
export interface Series {
  readonly key: string
  readonly title: string
  readonly group: Group
  readonly items: readonly Item[]
  readonly latest: Item
  readonly flag?: Flag | undefined
  readonly lines: readonly Line[]
}

export function observationOf(i: Item): Observation | undefined {
  return i.facts.kind === 'observation' ? i.facts : undefined
}

/** Whether an observation, or a part of it, is a recording. */
export function recorded(i: Item): boolean {
  const o = observationOf(i)
  return o !== undefined && [o, ...o.components].some((c) => c.value?.kind === 'samples')
}

/** Groups observations by test. Entries in error form no series. */
export function seriesOf(items: readonly Item[]): readonly Series[] {
  const byTest = new Map<string, Item[]>()
  for (const i of items) {
    if (!observationOf(i) || i.wrong) continue
    const key = `${i.group} ${identity(i.concept) || i.title}`
    const list = byTest.get(key)
    if (list) list.push(i)
    else byTest.set(key, [i])
  }
  return [...byTest].map(([key, list]) => series(key, list)).sort((a, b) => a.title.localeCompare(b.title))
}

function series(key: string, items: Item[]): Series {
  items.sort((a, b) => newestFirst(a.when, b.when))
  const latest = items[0] as Item
  const o = observationOf(latest)
  return { key, title: latest.title, group: latest.group, items, latest, flag: o && gravest(flagsOf(o)), lines: lines(items) }
}

/** The lines of a test: one for each quantity and unit, so that values in different units never share a line. */
function lines(items: readonly Item[]): readonly Line[] {
  const found = new Map<string, { name: string; unit: string; points: Point[]; range?: Range | undefined }>()
  for (const item of items) {
    const o = observationOf(item)
    if (!o || !item.when) continue
    const parts = [{ part: o, name: item.title }, ...o.components.map((part) => ({ part, name: part.concept?.text ?? '' }))]
    for (const { part, name } of parts) {
      const q = quantityOf(part.value)
      if (!q) continue
      const unit = formatUnit(q.code ?? '')
      const key = `${part === o ? '' : identity(part.concept)} ${unit}`
      const line = found.get(key) ?? { name, unit, points: [], range: normal(part.ranges) }
      line.points.push({ time: item.when.at, value: q.n })
      found.set(key, line)
    }
  }
  return [...found.values()].map((l) => ({ ...l, points: l.points.reverse() }))
}

function quantityOf(v: Observation['value']): Quantity | undefined {
  return v?.kind === 'quantity' ? v.quantity : undefined
}
