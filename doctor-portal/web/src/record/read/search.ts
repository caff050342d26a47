/** Letters as people type them: lower case, without accents. */
export function fold(s: string): string {
  return s.normalize('NFD').replace(/[\u0300-\u036f]/g, '').toLowerCase()
}

/** How much of one resource the search looks through, in characters. */
const most = 4000

/** Fields that hold no words: bytes, addresses, references, markup. */
const silent = new Set(['data', 'div', 'system', 'url', 'reference', 'fullUrl', 'id', 'profile', 'meta', 'contained', 'hash', 'resourceType', 'versionId'])

/** The words of a resource, wherever in it they stand. */
export function searchText(resource: unknown, ...first: readonly (string | undefined)[]): string {
  const found = new Set(first.filter((x): x is string => x !== undefined))
  collect(resource, found, { left: most }, 0)
  return fold([...found].join(' '))
}

function collect(v: unknown, found: Set<string>, room: { left: number }, depth: number): void {
  if (room.left <= 0 || depth > 12) return
  if (typeof v === 'string') {
    const word = v.slice(0, room.left)
    if (!found.has(word)) room.left -= word.length
    found.add(word)
  } else if (Array.isArray(v)) {
    for (const x of v) collect(x, found, room, depth + 1)
  } else if (typeof v === 'object' && v !== null) {
    for (const [key, x] of Object.entries(v)) if (!silent.has(key)) collect(x, found, room, depth + 1)
  }
}

/** Whether an item's words hold every word of a query. */
export function matches(search: string, words: readonly string[]): boolean {
  return words.every((w) => search.includes(w))
}

export function queryWords(query: string): readonly string[] {
  return fold(query).split(/\s+/).filter((w) => w !== '')
}
