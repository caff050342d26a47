import { fileURLToPath } from 'node:url'
import { compile } from 'sass'
import { describe, expect, test } from 'vitest'

const css = compile(fileURLToPath(new URL('../src/styles/_tokens.scss', import.meta.url))).css
const block = (selector: string) => {
  const from = css.indexOf(`${selector} {`)
  const body = css.slice(from, css.indexOf('}', from))
  return new Map([...body.matchAll(/--mu-([\w-]+): (#[0-9a-f]{6});/g)].map((m) => [m[1]!, m[2]!]))
}
const appearances = { light: block(':root'), dark: block(':root[data-theme=dark]') }

// WCAG 2.2: relative luminance and contrast ratio.
function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)) as [number, number, number]
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}
function contrast(a: string, b: string): number {
  const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p) as [number, number]
  return (x + 0.05) / (y + 0.05)
}

const tones = ['ok', 'warn', 'bad', 'info', 'plain']
const grounds = ['bg', 'surface', 'surface-2']
const texts: [string, string][] = [
  ...grounds.flatMap((g) => ['ink', 'ink-2', 'accent', 'accent-strong', 'second', 'bad'].map((t): [string, string] => [t, g])),
  ...tones.flatMap((t): [string, string][] => [[t, `${t}-soft`], ['ink', `${t}-soft`], ['accent', `${t}-soft`], [t, 'surface']]),
  ['accent', 'accent-soft'],
  ['second', 'second-soft'],
  ['on-accent', 'accent'],
  ['on-accent', 'accent-strong'],
  ['on-bad', 'bad'],
  ['on-bad', 'bad-strong'],
]
const marks: [string, string][] = [
  ...['line-strong', 'focus'].flatMap((m) => grounds.map((g): [string, string] => [m, g])),
  ['plot-1', 'surface'],
  ['plot-2', 'surface'],
  ['plot-1', 'plot-band'],
  ['plot-2', 'plot-band'],
  ['plot-out', 'plot-band'],
  ['plot-out', 'surface'],
  ['ecg-trace', 'ecg-minor'],
  ['ecg-trace', 'ecg-major'],
]

describe.each(Object.entries(appearances))('%s', (_, tokens) => {
  const of = ([a, b]: [string, string]) => contrast(tokens.get(a)!, tokens.get(b)!)
  test.each(texts)('text %s on %s has 4.5:1', (a, b) => expect(of([a, b])).toBeGreaterThanOrEqual(4.5))
  test.each(marks)('mark %s on %s has 3:1', (a, b) => expect(of([a, b])).toBeGreaterThanOrEqual(3))
})

test('both appearances set the same tokens, and so does the device’s', () => {
  expect([...appearances.dark.keys()]).toEqual([...appearances.light.keys()])
  expect(block(':root:not([data-theme=light])')).toEqual(appearances.dark)
})
