import { expect, test } from 'vitest'
import { takeToken, tokenIn } from '../src/logic/fragment.ts'
import { doctorLink } from '../src/logic/link.ts'

const token = 'AbC_-0123456789abcdefghijklmnopqrstuvwxyz01'

test('a token is taken out of the address; a route is left', () => {
  expect(tokenIn(`#${token}`)).toBe(token)
  for (const other of ['', '#', '#/', '#/visit', '#/consents/abc', '#short', `#${token}?x`]) expect(tokenIn(other)).toBeUndefined()
})

test('the address no longer holds the token once it was taken', () => {
  const replaced: unknown[] = []
  const w = {
    location: { hash: `#${token}`, pathname: '/', search: '' },
    history: { replaceState: (...a: unknown[]) => replaced.push(a[2]) },
  } as unknown as Window
  expect(takeToken(w)).toBe(token)
  expect(replaced).toEqual(['/'])
})

const credential = 'a1'.repeat(32)

test('a doctor’s link is told from any other code', () => {
  const link = `https://portal.example.org/visit#${credential}`
  expect(doctorLink(`  ${link}\n`)).toBe(link)
  expect(doctorLink(`http://localhost:8080/visit#${credential}`)).toBeDefined()
  const others = [
    '', 'hello', 'https://portal.example.org', `https://portal.example.org/#${credential}`, `https://portal.example.org/visit?x=1#${credential}`,
    `https://a@portal.example.org/visit#${credential}`, `javascript:alert(1)/visit#${credential}`, `${link}00`, link.toUpperCase(), `https://x.org/visit#${'z'.repeat(64)}`,
    `https://portal.example.org/visit#${credential}${' '.repeat(2100)}x`,
  ]
  for (const o of others) expect(doctorLink(o), o).toBeUndefined()
})
