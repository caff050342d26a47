import { newestFirst, type When } from '../fhir/dates'
import type { RecordStore } from '../store/store'
import { groups, type Group, type Item } from '../types'

/** A visit to a hospital with what came about in it, or the entries of a day outside of any. */
export interface Happening {
  readonly key: string
  readonly hospital: string
  readonly when?: When | undefined
  readonly encounter?: Item | undefined
  /** What came about, by list, in the lists' order. */
  readonly parts: readonly { readonly group: Group; readonly items: readonly Item[] }[]
  readonly count: number
}

/** Lists that are no events: they would only repeat a name. */
const timeless: readonly Group[] = ['patient', 'people']

/** Groups items by encounter, the newest first; those without a date stand last. */
export function timeline(store: RecordStore, items: readonly Item[]): readonly Happening[] {
  const found = new Map<string, { hospital: string; when?: When | undefined; encounter?: Item | undefined; items: Item[] }>()
  for (const i of items) {
    if (timeless.includes(i.group)) continue
    const encounter = i.type === 'Encounter' ? i : store.item(store.resolve(i.hospital, i.encounter))
    const key = encounter?.key ?? `${i.when ? day(i.when) : ''} ${i.hospital}`
    const h = found.get(key) ?? { hospital: i.hospital, when: encounter?.when ?? i.when, encounter, items: [] }
    if (i !== encounter) h.items.push(i)
    found.set(key, h)
  }
  return [...found]
    .map(([key, h]) => ({ key, hospital: h.hospital, when: h.when, encounter: h.encounter, parts: parts(h.items), count: h.items.length }))
    .sort((a, b) => newestFirst(a.when, b.when))
}

function day(w: When): string {
  return w.written.slice(0, 10)
}

function parts(items: readonly Item[]): Happening['parts'] {
  return groups.map((group) => ({ group, items: items.filter((i) => i.group === group) })).filter((p) => p.items.length > 0)
}
