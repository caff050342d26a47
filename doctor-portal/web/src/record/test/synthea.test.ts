import { setLanguage } from '@medunion/ui'
import { afterEach, describe, expect, it } from 'vitest'
import { list, obj, objs, str } from '../fhir/json'
import { inGroup } from '../select/filter'
import { timeline } from '../select/timeline'
import { seriesOf } from '../select/series'
import { RecordStore } from '../store/store'
import type { Item } from '../types'
import { phrases } from '../words/phrases'
import { titleOf } from '../words/title'
import { batchOfBundle, synthea } from './testing'

const now = Date.UTC(2026, 10, 20)
const signed = now

async function stored(name: string): Promise<RecordStore> {
  const store = new RecordStore()
  await store.put({ hospital: 'anna', signed }, batchOfBundle('anna', synthea[name]!))
  return store
}

/** Everything that lists say of an item. */
function said(i: Item, store: RecordStore): string {
  return [titleOf(i, store), ...phrases(i, store, now)].join(' · ')
}

afterEach(() => setLanguage('en'))

describe.each(Object.keys(synthea))('%s', (name) => {
  it('appears whole: one item for each resource, in a list that shows it', async () => {
    const store = await stored(name)
    const bundle = synthea[name]!
    expect(store.items.map((i) => i.number).sort((a, b) => a - b)).toEqual(bundle.entry.map((_, n) => n))
    for (const i of store.items) expect(i.id).toBe(bundle.entry[i.number]!.resource['id'])
    const unread = store.items.filter((i) => i.facts.kind === 'plain' && i.facts.broken)
    expect(unread).toEqual([])
  })

  it.each(['en', 'es'] as const)('says nothing that a program would say, in %s', async (language) => {
    setLanguage(language)
    const store = await stored(name)
    for (const i of store.items) {
      const words = said(i, store)
      expect(words).not.toMatch(/\[object|undefined|\bnull\b|NaN|urn:uuid|https?:|[a-z]+\.[a-z]+\.[a-z]/)
      expect(titleOf(i, store)).not.toBe('')
    }
  })

  it('shows the words of a code where the hospital sent words', async () => {
    const store = await stored(name)
    for (const i of store.items) {
      const resource = store.resource(i)
      const concept = obj(resource?.['code'] ?? resource?.['vaccineCode'] ?? resource?.['medicationCodeableConcept'])
      const coding = objs(concept?.['coding'])[0]
      if (!str(coding?.['display'])) continue
      expect(said(i, store)).not.toContain(str(coding?.['code']))
      const words = str(concept?.['text']) ?? str(coding?.['display']) ?? ''
      expect(words.startsWith(titleOf(i, store))).toBe(true)
    }
  })

  it('has every event on the timeline and every observation in a series', async () => {
    const store = await stored(name)
    const happened = timeline(store, store.items)
    const shown = happened.flatMap((h) => [...(h.encounter ? [h.encounter] : []), ...h.parts.flatMap((p) => p.items)])
    const events = store.items.filter((i) => i.group !== 'patient' && i.group !== 'people')
    expect(new Set(shown.map((i) => i.key))).toEqual(new Set(events.map((i) => i.key)))
    const observed = inGroup(store.items, 'vital', 'result', 'social')
    expect(seriesOf(observed).flatMap((s) => s.items).length).toBe(observed.length)
  })

  it('leads from an encounter to what came about in it', async () => {
    const store = await stored(name)
    const linked = synthea[name]!.entry.filter((e) => obj(e.resource['encounter']) ?? objs(objs(e.resource['item'])[0]?.['encounter'])[0])
    const happened = timeline(store, store.items).filter((h) => h.encounter)
    const inside = happened.flatMap((h) => h.parts.flatMap((p) => p.items))
    expect(inside.filter((i) => i.encounter).length).toBe(linked.length)
  })

  it('finds an entry by the words of its title', async () => {
    const store = await stored(name)
    for (const i of store.items.slice(0, 40)) for (const word of list(titleOf(i, store).toLowerCase().match(/[a-z]{4,}/g) ?? [])) expect(i.search).toContain(word)
  })
})
