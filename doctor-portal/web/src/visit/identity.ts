import type { Person } from '../app/person.ts'
import type { Banner } from '../record/index.ts'

/**
 * Who the patient is by a hospital's signed record, and which hospital's. The one
 * that says most stands for all; where they differ, the banner says so.
 */
export function knownPerson(facts: Pick<Banner, 'identities'>): { person: Person; by: string } | undefined {
  const best = facts.identities.find((i) => i.name && i.born) ?? facts.identities.find((i) => i.name)
  if (!best) return undefined
  return { person: { name: best.name, gender: best.sex, birthDate: best.born?.written }, by: best.source.name ?? best.source.hospital }
}

type Part = 'name' | 'birthDate' | 'gender'

/** In which parts what the patient states contradicts what a hospital signed. What either leaves out contradicts nothing. */
export function contradictions(stated: Person | undefined, known: Person): Part[] {
  const differ = (part: Part, same: (a: string, b: string) => boolean) => {
    const [a, b] = [stated?.[part], known[part]]
    return a && b && !same(a, b) ? [part] : []
  }
  return [
    ...differ('name', sameName),
    ...differ('birthDate', (a, b) => a.startsWith(b) || b.startsWith(a)),
    ...differ('gender', (a, b) => a === b || a === 'unknown' || b === 'unknown'),
  ]
}

// A name with or without titles and middle names, in any order, accents or not, is the
// same: every word of the shorter one stands in the longer one.
function sameName(a: string, b: string): boolean {
  const [short, long] = [words(a), words(b)].sort((x, y) => x.length - y.length)
  return short!.every((w) => long!.includes(w))
}

const titles = new Set(['mr', 'mrs', 'ms', 'miss', 'dr', 'prof', 'sr', 'sra', 'don', 'dona'])

function words(name: string): string[] {
  const plain = name.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()
  return plain.split(/[^\p{L}]+/u).filter((w) => w && !titles.has(w))
}
