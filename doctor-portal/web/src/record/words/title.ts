import type { Ref } from '../fhir/names'
import type { RecordStore } from '../store/store'
import { t } from '../texts'
import type { File, Item } from '../types'

/** A name for an item: its own, that of the medicine it refers to, or else what kind of thing it is. */
export function titleOf(i: Item, store: RecordStore): string {
  if (i.title !== '') return i.title
  if (i.facts.kind === 'medication') {
    const medicine = store.item(store.resolve(i.hospital, i.facts.reference?.to))
    return medicine && medicine.title !== '' ? medicine.title : t('medicine.unnamed')
  }
  if (i.facts.kind === 'document' && i.facts.files[0]) return fileKind(i.facts.files[0])
  if (i.facts.kind === 'plain' && i.facts.broken) return t('broken')
  return typeWords(i.type)
}

/** "Explanation of benefit" for ExplanationOfBenefit. */
export function typeWords(type: string): string {
  const words = type.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase()
  return words === '' ? type : words[0]?.toUpperCase() + words.slice(1)
}

const kinds = new Map([
  ['application/pdf', 'media.pdf'], ['image/jpeg', 'media.jpeg'], ['image/png', 'media.png'], ['image/gif', 'media.gif'], ['image/webp', 'media.webp'],
  ['application/dicom', 'media.dicom'], ['text/plain', 'media.text'], ['text/html', 'media.html'], ['application/xhtml+xml', 'media.html'],
  ['text/rtf', 'media.rtf'], ['application/rtf', 'media.rtf'], ['application/xml', 'media.xml'], ['text/xml', 'media.xml'], ['application/json', 'media.json'],
])

export function mediaWords(type: string): string {
  const known = kinds.get(type)
  return (known && t.find(known)) ?? type
}

export function fileKind(f: File): string {
  return f.title ?? mediaWords(f.type)
}

/** What a reference means, in words; undefined if neither it nor what it points to says so. */
export function refWords(store: RecordStore, hospital: string, r: Ref | string | undefined): string | undefined {
  if (r === undefined || typeof r === 'string') return r
  const target = store.item(store.resolve(hospital, r.to))
  return target ? titleOf(target, store) : r.words
}

export function allWords(store: RecordStore, hospital: string, all: readonly (Ref | string)[]): readonly string[] {
  return [...new Set(all.map((r) => refWords(store, hospital, r)).filter((w): w is string => w !== undefined && w !== ''))]
}
