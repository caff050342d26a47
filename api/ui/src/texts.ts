import { language, locales, type Language } from './language.ts'

/** A text whose form depends on `count`; `other` is what every language has. */
export type Plural = { other: string } & Partial<Record<Intl.LDMLPluralRule, string>>
export type Text = string | Plural
export type Texts = Record<string, Text>

type Names<S extends string> = S extends `${string}{${infer P}}${infer Rest}` ? P | Names<Rest> : never
type NamesOf<T extends Text> = T extends string ? Names<T> : 'count' | Names<Extract<T[keyof T], string>>
type Values<N extends string> = { [P in N]: P extends 'count' ? number : string | number }

/** The params that a text needs: none, or one for each {name} in English. */
export type Params<T extends Text> = [NamesOf<T>] extends [never] ? [] : [params: Values<NamesOf<T>>]

export interface Translate<E extends Texts> {
  /** The text in the page's language with its params put in. */
  <K extends keyof E & string>(key: K, ...params: Params<E[K]>): string
  /** The text of a key known only at run time, such as a reason's code; undefined if there is none. */
  find(key: string, params?: Record<string, string | number>): string | undefined
  readonly all: Record<Language, Texts>
}

/**
 * Makes the function that gives a page's texts. English defines the keys and,
 * by its {names}, the params; the compiler asks for every key in Spanish too.
 *
 *     const t = makeTexts({
 *       en: { hello: 'Hello {name}', found: { one: '{count} record', other: '{count} records' } },
 *       es: { hello: 'Hola {name}', found: { one: '{count} registro', other: '{count} registros' } },
 *     })
 *     t('found', { count: 3 })
 *
 * A number is written as the language writes it.
 */
export function makeTexts<const E extends Texts>(all: { en: E; es: { [K in keyof E]: Text } }): Translate<E> {
  const find = (key: string, params: Record<string, string | number> = {}) => {
    const of: Texts = all[language()]
    const text = Object.hasOwn(of, key) ? of[key] : undefined
    return text === undefined ? undefined : fill(choose(text, params['count']), params)
  }
  const translate = (key: string, params?: Record<string, string | number>) => find(key, params) ?? key
  return Object.assign(translate, { find, all }) as Translate<E>
}

function choose(text: Text, count: string | number | undefined): string {
  if (typeof text === 'string') return text
  const rule = pluralRules(language()).select(Number(count))
  return text[rule] ?? text.other
}

function fill(text: string, params: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = params[name]
    if (value === undefined) return whole
    return typeof value === 'number' ? value.toLocaleString(locales[language()]) : value
  })
}

const rules = new Map<Language, Intl.PluralRules>()

function pluralRules(l: Language): Intl.PluralRules {
  let r = rules.get(l)
  if (!r) rules.set(l, (r = new Intl.PluralRules(locales[l])))
  return r
}

/**
 * What is wrong with texts, for a page's tests: keys that a language lacks or
 * has too many, empty texts, and params that differ from the English ones.
 */
export function checkTexts(t: { all: Record<Language, Texts> }): string[] {
  const { en, ...others } = t.all
  const wrong: string[] = []
  for (const [l, texts] of Object.entries(others)) {
    for (const key of new Set([...Object.keys(en), ...Object.keys(texts)])) {
      const [a, b] = [en[key], texts[key]]
      if (a === undefined || b === undefined) wrong.push(`${l}: ${key}: only in ${a ? 'English' : l}`)
      else wrong.push(...compare(a, b).map((w) => `${l}: ${key}: ${w}`))
    }
  }
  return wrong
}

function compare(a: Text, b: Text): string[] {
  const wrong: string[] = []
  if (forms(b).some((f) => !f.trim())) wrong.push('empty')
  if (typeof a !== typeof b) wrong.push('plural in one language only')
  const [x, y] = [names(a), names(b)]
  if (x !== y) wrong.push(`params ${y}, English has ${x}`)
  return wrong
}

const forms = (t: Text) => (typeof t === 'string' ? [t] : Object.values(t))

function names(t: Text): string {
  const found = forms(t).flatMap((f) => [...f.matchAll(/\{(\w+)\}/g)].map((m) => m[1]!))
  return `{${[...new Set(found)].filter((n) => n !== 'count').sort().join(', ')}}`
}
