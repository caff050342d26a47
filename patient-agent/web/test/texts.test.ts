import { checkTexts } from '@medunion/ui'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { t } from '../src/parts/text.ts'

/** The agent's Go sources, which define the codes that the page puts in words. */
function agentSources(): string {
  const folders = ['agent', 'server', 'patient'].map((f) => join('..', f))
  const files = folders.flatMap((f) => readdirSync(f).filter((n) => n.endsWith('.go') && !n.endsWith('_test.go')).map((n) => join(f, n)))
  return files.map((f) => readFileSync(f, 'utf8')).join('\n')
}

test('both languages have every text with the same params', () => {
  expect(checkTexts(t)).toEqual([])
})

test('every code of a problem that the agent makes has a title and words in both languages', () => {
  const codes = [...agentSources().matchAll(/\.Coded\("([a-z-]+)"\)/g)].map((m) => m[1]!)
  expect(codes.length).toBeGreaterThan(20)
  for (const texts of Object.values(t.all)) {
    const missing = codes.filter((c) => !(`problem.${c}` in texts) || !(`problem.${c}.title` in texts))
    expect(missing).toEqual([])
  }
})

test('every code of a visit has its words', () => {
  const list = /^\tcode[A-Za-z]+ += "([a-z-]+)"/gm
  const codes = [...agentSources().matchAll(list)].map((m) => m[1]!).filter((c) => c !== 'portal-unreachable')
  expect(codes).toContain('waiting-for-doctor')
  for (const c of codes) expect(t.find(`state.${c}`, { doctor: 'X' }), c).toBeDefined()
  expect(t.find('problem.portal-unreachable')).toBeDefined()
})

test('every department and class of the default parameters has its name', () => {
  const source = readFileSync(join('..', '..', 'api', 'message', 'classes.go'), 'utf8')
  const lists = { department: source.split('DefaultDepartments = []string{')[1], class: source.split('DefaultClasses = []string{')[1] }
  for (const [group, rest] of Object.entries(lists)) {
    const codes = [...rest!.split('}')[0]!.matchAll(/"([A-Z]+)"/g)].map((m) => m[1]!)
    expect(codes.length).toBeGreaterThan(4)
    for (const c of codes) expect(t.find(`${group}.${c}`), c).toBeDefined()
  }
})
