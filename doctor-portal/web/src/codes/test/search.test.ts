import { describe, expect, it } from 'vitest'
import { frequent } from '../frequent.ts'
import { codes } from '../list.ts'
import { search } from '../search.ts'

const found = (q: string, l: 'en' | 'es' = 'en') => search(codes, q, l).map((e) => e.code)

describe('the list', () => {
  it('holds several hundred codes of the right form, each once, with both titles', () => {
    expect(codes.length).toBeGreaterThan(500)
    expect(new Set(codes.map((e) => e.code)).size).toBe(codes.length)
    expect(codes.filter((e) => !/^[A-Z]\d[\dA-Z](\.[\dA-Z]{1,4})?$/.test(e.code) || !e.en || !e.es)).toEqual([])
  })

  it('has every frequent code', () => {
    const all = new Set(codes.map((e) => e.code))
    expect([...frequent].filter((c) => !all.has(c))).toEqual([])
  })
})

describe('search', () => {
  it('finds by the beginning of words, the frequent ones first', () => {
    expect(found('hypert')[0]).toBe('I10')
    expect(found('ess hyp')[0]).toBe('I10')
  })

  it('finds by code, with or without the dot', () => {
    expect(found('e11.9')[0]).toBe('E11.9')
    expect(found('E119')[0]).toBe('E11.9')
    expect(found('e11').every((c) => c.startsWith('E11'))).toBe(true)
  })

  it('finds in both languages, with and without accents', () => {
    expect(found('fibrilacion auricular', 'es')[0]).toBe('I48.91')
    expect(found('Fibrilación AURICULAR', 'en')).toContain('I48.91')
    expect(found('meniere')).toContain('H81.09')
  })

  it('finds by everyday words and abbreviations', () => {
    expect(found('high blood pressure')[0]).toBe('I10')
    expect(found('epoc', 'es')).toContain('J44.9')
  })

  it('finds nothing for nothing, nonsense, or a word inside another', () => {
    expect(found('')).toEqual([])
    expect(found('  ')).toEqual([])
    expect(found('zzqx')).toEqual([])
    expect(found('ypertension')).toEqual([])
    expect(found('.*')).toEqual([])
  })

  it('gives no more than asked for', () => expect(search(codes, 'of', 'en', 7)).toHaveLength(7))
})
