import { newestFirst } from '../fhir/dates'
import { fold, matches, queryWords } from '../read'
import type { Group, Item } from '../types'

/** What the reader wants to see; empty sets and an empty query let everything through. */
export interface Filter {
  readonly query: string
  readonly hospitals: ReadonlySet<string>
  readonly groups: ReadonlySet<Group>
}

export const everything: Filter = { query: '', hospitals: new Set(), groups: new Set() }

export function filterItems(items: readonly Item[], f: Filter): readonly Item[] {
  const words = queryWords(f.query)
  const { hospitals, groups } = f
  if (words.length === 0 && hospitals.size === 0 && groups.size === 0) return items
  return items.filter(
    (i) => (hospitals.size === 0 || hospitals.has(i.hospital)) && (groups.size === 0 || groups.has(i.group)) && matches(i.search, words),
  )
}

/** The newest first; in answer to a query, what has it in its title before what merely mentions it. Errors stand last. */
export function sorted(items: readonly Item[], query = ''): readonly Item[] {
  const words = queryWords(query)
  const named = (i: Item) => (words.length > 0 && matches(fold(i.title), words) ? 1 : 0)
  const keyed = items.map((i) => ({ i, n: named(i) }))
  return keyed.sort((a, b) => Number(a.i.wrong) - Number(b.i.wrong) || b.n - a.n || newestFirst(a.i.when, b.i.when)).map((x) => x.i)
}

/** What still holds first, then the newest. */
export function activeFirst(items: readonly Item[]): readonly Item[] {
  return [...items].sort((a, b) => Number(a.wrong) - Number(b.wrong) || Number(b.active) - Number(a.active) || newestFirst(a.when, b.when))
}

export function inGroup(items: readonly Item[], ...wanted: readonly Group[]): readonly Item[] {
  return items.filter((i) => wanted.includes(i.group))
}
