import { describe, expect, it } from 'vitest'
import { readBanner } from '../select/banner'
import { activeFirst, everything, filterItems, sorted } from '../select/filter'
import { seriesOf } from '../select/series'
import { twins } from '../select/twins'
import { RecordStore } from '../store/store'
import { queryWords } from '../read'
import { hostile, rich } from '../../../testdata/rich'
import { batchOf } from './testing'

const signed = Date.UTC(2026, 10, 20, 14, 41)
const as = (resources: Record<string, unknown>[]) => resources.map((resource) => ({ resource }))

async function two(): Promise<RecordStore> {
  const store = new RecordStore()
  await Promise.all([
    store.put({ hospital: 'anna', name: 'St. Anna', signed }, batchOf('anna', as(rich()))),
    store.put({ hospital: 'mercy', name: 'Mercy', signed }, batchOf('mercy', as(rich().slice(0, 12)))),
  ])
  return store
}

describe('RecordStore', () => {
  it('replaces what a hospital sent before, and leaves the others', async () => {
    const store = await two()
    await store.put({ hospital: 'mercy', signed }, batchOf('mercy', as(rich().slice(0, 1))))
    expect(store.items.filter((i) => i.hospital === 'mercy').length).toBe(1)
    expect(store.items.filter((i) => i.hospital === 'anna').length).toBe(rich().length)
    store.remove('anna')
    expect(store.items.map((i) => i.hospital)).toEqual(['mercy'])
    store.clear()
    expect(store.items).toEqual([])
    expect(store.raw({ hospital: 'mercy', number: 0 })).toBeUndefined()
  })

  it('keeps the latest when a hospital is put twice at once', async () => {
    const store = new RecordStore()
    const first = store.put({ hospital: 'anna', signed }, batchOf('anna', as(rich())))
    const second = store.put({ hospital: 'anna', signed }, batchOf('anna', as(rich().slice(0, 3))))
    await Promise.all([first, second])
    expect(store.items.length).toBe(3)
    expect(store.progress).toEqual({ read: 3, total: 3 })
  })

  it.each([
    ['beyond the bytes', { offset: 0, length: 1e9 }],
    ['before the bytes', { offset: -1, length: 2 }],
    ['at half a byte', { offset: 0.5, length: 1 }],
    ['of another hospital', { hospital: 'mercy' }],
  ])('refuses a record %s and changes nothing', async (_, change) => {
    const store = await two()
    const before = store.items
    const batch = batchOf('anna', as(rich()))
    const records = [{ ...batch.records[0]!, ...change }]
    await expect(store.put({ hospital: 'anna', signed }, { ...batch, records })).rejects.toThrow(RangeError)
    expect(store.items).toBe(before)
  })

  it('gives back the very text that was signed', async () => {
    const store = await two()
    const item = store.items.find((i) => i.type === 'Goal')!
    expect(store.raw(item)).toBe(JSON.stringify(rich().find((r) => r['resourceType'] === 'Goal')))
  })

  it('resolves references within the same hospital only', async () => {
    const store = await two()
    const [a, m] = ['anna', 'mercy'].map((h) => store.item(store.resolve(h, 'Condition/c1')))
    expect([a?.hospital, m?.hospital]).toEqual(['anna', 'mercy'])
    expect(store.resolve('mercy', 'DiagnosticReport/d1')).toBeUndefined()
    expect(store.item(store.resolve('anna', 'https://anna.example/fhir/Condition/c1/_history/2'))?.id).toBe('c1')
  })

  it('shows what is no resource of its type as unreadable, with its text', async () => {
    const store = new RecordStore()
    const bytes = new TextEncoder().encode('{"resourceType":"Condition"}[1,2')
    const entry = { hospital: 'anna', type: 'Patient' }
    await store.put({ hospital: 'anna', signed }, { data: bytes, records: [{ ...entry, number: 0, offset: 0, length: 28 }, { ...entry, number: 1, offset: 28, length: 4 }] })
    expect(store.items.map((i) => i.facts)).toEqual([{ kind: 'plain', lines: [], broken: true }, { kind: 'plain', lines: [], broken: true }])
    expect(store.raw(store.items[1]!)).toBe('[1,2')
  })

  it('reads hostile content into as many items, and pollutes nothing', async () => {
    const store = new RecordStore()
    await store.put({ hospital: 'anna', signed }, batchOf('anna', as(hostile())))
    expect(store.items.length).toBe(hostile().length)
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
    expect(store.items.find((i) => i.type === 'AllergyIntolerance')?.title).not.toMatch(/[\u202a-\u202e]/)
    expect(Math.max(...store.items.map((i) => i.title.length))).toBeLessThan(300)
  })
})

describe('what is derived', () => {
  it('reads the banner: identity and active allergies, the worst first', async () => {
    const b = readBanner(await two())
    expect(b.identities.map((i) => [i.name, i.sex, i.born?.written, i.source.hospital]).slice(0, 1)).toEqual([['Kirsten Maria Wallin', 'female', '1972-03-14', 'anna']])
    expect(b.allergies.filter((a) => a.source.hospital === 'mercy').map((a) => [a.substance, a.severity])).toEqual([['Allergy to penicillin', 'severe'], ['Latex', 'mild']])
    expect(b.noneKnown).toBe(false)
  })

  it('says in what hospitals disagree about the patient', async () => {
    const store = new RecordStore()
    const patient = (born: string) => as([{ resourceType: 'Patient', id: 'p', name: [{ text: 'Ana Ruiz' }], birthDate: born }])
    await store.put({ hospital: 'a', signed }, batchOf('a', patient('1970-01-01')))
    await store.put({ hospital: 'b', signed }, batchOf('b', patient('1970-01-10')))
    expect(readBanner(store).differ).toEqual(['born'])
  })

  it('takes a statement that there is no allergy for what it is', async () => {
    const store = new RecordStore()
    const none = { resourceType: 'AllergyIntolerance', code: { coding: [{ system: 'http://snomed.info/sct', code: '716186003', display: 'No known allergy' }] } }
    await store.put({ hospital: 'a', signed }, batchOf('a', as([none])))
    expect(readBanner(store)).toMatchObject({ allergies: [], noneKnown: true })
  })

  it('lists the same resource of two hospitals twice, each naming the other', async () => {
    const id = '37e97ea5-e2dc-4770-bb7d-93d02cfebb0c'
    const store = new RecordStore()
    for (const h of ['a', 'b']) await store.put({ hospital: h, signed }, batchOf(h, as([{ resourceType: 'Condition', id, code: { text: 'Gout' } }, { resourceType: 'Condition', id: 'c1', code: { text: 'Cough' } }])))
    expect(store.items.filter((i) => i.title === 'Gout').length).toBe(2)
    const found = twins(store.items)
    expect([...found].map(([key, others]) => [key, others.map((o) => o.key)])).toEqual([['0@a', ['0@b']], ['0@b', ['0@a']]])
  })

  it('sets errors apart and the active before the past', async () => {
    const store = await two()
    const problems = activeFirst(store.items.filter((i) => i.group === 'problem' && i.hospital === 'anna'))
    expect(problems.map((p) => [p.active, p.wrong]).at(0)).toEqual([true, false])
    expect(problems.at(-1)).toMatchObject({ wrong: true, id: 'c3' })
    expect(seriesOf(store.items).flatMap((s) => s.items).some((i) => i.wrong)).toBe(false)
  })

  it('searches without regard to accents and case, titles first', async () => {
    const store = await two()
    expect(queryWords('  Crónica  MAL ')).toEqual(['cronica', 'mal'])
    const found = sorted(filterItems(store.items, { ...everything, query: 'POTÁSSIUM' }), 'POTÁSSIUM')
    expect(found[0]?.title).toMatch(/^Potassium/)
    expect(filterItems(store.items, { ...everything, query: 'potassium', hospitals: new Set(['mercy']) })).toEqual([])
  })

  it('keeps one series for a test, and one line for each unit of it', async () => {
    const weight = (value: number, unit: string, at: string) => ({ resourceType: 'Observation', status: 'final', code: { coding: [{ system: 'http://loinc.org', code: '29463-7', display: 'Weight' }] }, effectiveDateTime: at, valueQuantity: { value, unit, code: unit } })
    const store = new RecordStore()
    await store.put({ hospital: 'a', signed }, batchOf('a', as([weight(80, 'kg', '2020'), weight(176, '[lb_av]', '2021'), weight(81, 'kg', '2022-05')])))
    const [series, ...more] = seriesOf(store.items)
    expect(more).toEqual([])
    expect(series?.lines.map((l) => [l.unit, l.points.map((p) => p.value)])).toEqual([['kg', [80, 81]], ['lb av', [176]]])
    expect(series?.latest.when?.written).toBe('2022-05')
  })
})
