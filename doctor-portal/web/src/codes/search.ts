import { frequent } from './frequent.ts'

/** A code with its titles, and what the search compares. */
export interface Entry {
  code: string
  en: string
  es: string
  /** Folded words of the code, both titles and the search words. */
  words: readonly string[]
}

/** Lower case without accents and signs; ñ counts as n. */
export function fold(s: string): string {
  return s.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()
}

const wordsOf = (s: string): string[] => fold(s).split(/[^a-z0-9.]+/).filter(Boolean)

/** Reads a line: code | English title | Spanish title | search words. */
export function entry(line: string): Entry {
  const [code = '', en = '', es = '', more = ''] = line.split('|').map((s) => s.trim())
  return { code, en, es, words: [fold(code), fold(code).replace('.', ''), ...wordsOf(`${en} ${es} ${more}`)] }
}

/**
 * The entries in which every word of the query begins some word, best first: those
 * whose code begins with it, then the frequent ones, then those whose title in the
 * reader's language begins with it, then shorter titles, which say less that nobody
 * asked for.
 */
export function search(entries: readonly Entry[], query: string, language: 'en' | 'es', limit = 30): Entry[] {
  const wanted = wordsOf(query)
  if (wanted.length === 0) return []
  const whole = wanted.join(' ')
  return entries
    .filter((e) => wanted.every((w) => e.words.some((x) => x.startsWith(w))))
    .map((e) => ({ e, rank: rank(e, whole, wanted, language) }))
    .sort((a, b) => a.rank - b.rank || a.e[language].length - b.e[language].length || (a.e.code < b.e.code ? -1 : 1))
    .slice(0, limit)
    .map(({ e }) => e)
}

function rank(e: Entry, whole: string, wanted: string[], language: 'en' | 'es'): number {
  const code = fold(e.code)
  if (code === whole || code.replace('.', '') === whole) return 0
  if (code.startsWith(whole)) return 1
  if (frequent.has(e.code)) return 2
  const title = fold(e[language])
  if (title.startsWith(whole)) return 3
  const words = wordsOf(title)
  return wanted.every((w) => words.some((x) => x.startsWith(w))) ? 4 : 5
}
