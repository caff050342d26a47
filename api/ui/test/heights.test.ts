import { expect, test } from 'vitest'
import { Heights } from '../src/heights.ts'

test('sums and rows agree with counting one by one', () => {
  const n = 137
  const plain = Array.from({ length: n }, (_, i) => 20 + ((i * 31) % 57))
  const h = new Heights(n, 40)
  plain.forEach((v, i) => expect(h.set(i, v)).toBe(v !== 40))
  let sum = 0
  for (let i = 0; i < n; i++) {
    expect(h.before(i)).toBe(sum)
    expect(h.at(sum)).toBe(i)
    expect(h.at(sum + plain[i]! - 0.5)).toBe(i)
    sum += plain[i]!
  }
  expect(h.total).toBe(sum)
})

test('the window stays within the list', () => {
  const h = new Heights(100, 10)
  expect(h.window(0, 50, 3)).toEqual([0, 9])
  expect(h.window(500, 50, 3)).toEqual([47, 59])
  expect(h.window(5000, 50, 3)).toEqual([96, 100])
  expect(h.window(-10, 0, 0)).toEqual([0, 1])
  expect(new Heights(0, 10).window(0, 100, 5)).toEqual([0, 0])
})

test('a height that does not differ is no change', () => {
  const h = new Heights(10, 48)
  expect(h.set(3, 48.3)).toBe(false)
  expect(h.set(3, 60)).toBe(true)
  expect(h.total).toBe(492)
})
