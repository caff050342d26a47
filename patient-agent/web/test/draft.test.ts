import { beforeEach, describe, expect, test } from 'vitest'
import type { Card, Defaults, Hospital } from '../src/api/types.ts'
import { department, grants, keepDraft, keptBack, newDraft, pickOf, readDraft, sharing, writeTo } from '../src/logic/draft.ts'

const listed = (codes: string[], sensitive: string[]) => codes.map((code) => ({ code, sensitive: sensitive.includes(code) }))
const defaults: Defaults = {
  departments: listed(['GENERAL', 'OBSTETRICS'], ['OBSTETRICS']),
  classes: listed(['LAB', 'MEDICATION', 'GENETIC'], ['GENETIC']),
  purposes: ['TREATMENT'],
  purpose: 'TREATMENT',
  hours: 24,
  maxUses: 3,
  maxSignals: 1000,
}
const hospital = (id: string, enrolled: boolean, departments: string[], classes: string[]): Hospital => ({
  id, enrolled, departments, classes, address: '', holdings: [],
})
const anna = hospital('st-anna', true, ['GENERAL', 'OBSTETRICS'], ['LAB', 'GENETIC'])
const mercy = hospital('mercy', true, ['GENERAL'], ['MEDICATION'])
const north = hospital('north', false, ['GENERAL'], ['LAB'])
const empty = hospital('empty', true, [], [])
const all = [anna, mercy, north, empty]
const draft = newDraft('https://x.org/visit#aa')

describe('what is shared', () => {
  test('by default everything but what is sensitive, where she is linked', () => {
    expect(grants(draft, all, defaults)).toEqual([
      { hospital: 'st-anna', departments: ['GENERAL'], classes: ['LAB'] },
      { hospital: 'mercy', departments: ['GENERAL'], classes: ['MEDICATION'] },
    ])
    expect(sharing(all).map((h) => h.id)).toEqual(['st-anna', 'mercy'])
  })

  test('nothing of a hospital that was switched off, and what was ticked of another', () => {
    const d = { ...draft, picks: { mercy: null, 'st-anna': { departments: ['GENERAL'], classes: ['GENETIC'] } } }
    expect(grants(d, all, defaults)).toEqual([{ hospital: 'st-anna', departments: ['GENERAL'], classes: ['GENETIC'] }])
  })

  test('a class that appeared after she chose stays hidden', () => {
    const d = { ...draft, picks: { 'st-anna': { departments: ['GENERAL'], classes: ['LAB'] } } }
    const grown = { ...anna, classes: [...anna.classes, 'MEDICATION'] }
    expect(pickOf(d, grown, defaults)?.classes).toEqual(['LAB'])
    expect(keptBack(pickOf(d, grown, defaults), grown).classes).toEqual(['GENETIC', 'MEDICATION'])
  })

  test('a hospital of which only sensitive things are held shares nothing by default', () => {
    expect(pickOf(draft, hospital('x', true, ['OBSTETRICS'], ['LAB']), defaults)).toBeNull()
  })
})

const card = { departments: ['SURGERY'], affiliation: 'mercy' } as Card

test('the diagnosis goes to the doctor’s hospital only if she is linked there', () => {
  expect(writeTo(draft, card, all)).toBe('mercy')
  expect(writeTo(draft, { ...card, affiliation: 'north' }, all)).toBe('')
  expect(writeTo({ ...draft, writeTo: '' }, card, all)).toBe('')
  expect(writeTo({ ...draft, writeTo: 'st-anna' }, card, all)).toBe('st-anna')
  expect(writeTo({ ...draft, writeTo: 'north' }, card, all)).toBe('')
})

test('a single department needs no question; of several one must be chosen', () => {
  expect(department(draft, card)).toBe('SURGERY')
  const two = { ...card, departments: ['SURGERY', 'GENERAL'] }
  expect(department(draft, two)).toBeUndefined()
  expect(department({ ...draft, department: 'GENERAL' }, two)).toBe('GENERAL')
  expect(department({ ...draft, department: 'OBSTETRICS' }, two)).toBeUndefined()
})

describe('a reload', () => {
  beforeEach(() => sessionStorage.clear())

  test('keeps the choices', () => {
    const d = { ...draft, hours: 72, picks: { mercy: null }, files: 2 }
    keepDraft(sessionStorage, d)
    expect(readDraft(sessionStorage)).toEqual(d)
    keepDraft(sessionStorage, undefined)
    expect(readDraft(sessionStorage)).toBeUndefined()
  })

  test('drops what is no draft', () => {
    for (const bad of ['', '1', '{}', 'null', '{"link":1}', JSON.stringify({ ...draft, hours: 9999 }), JSON.stringify({ ...draft, picks: { a: { classes: 'LAB' } } })]) {
      sessionStorage.setItem('medunion.visit', bad)
      expect(readDraft(sessionStorage), bad).toBeUndefined()
    }
  })
})
