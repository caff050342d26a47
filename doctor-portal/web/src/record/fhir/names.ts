import { concept } from './codes'
import { obj, objs, str, strs, type Obj } from './json'

/** The name to call a person by: the official or usual one, never an old one if there is another. */
export function personName(v: unknown): string | undefined {
  const names = objs(v)
  const best = ['official', 'usual'].map((use) => names.find((n) => n['use'] === use)).find(Boolean)
  const current = names.find((n) => n['use'] !== 'old' && n['use'] !== 'maiden' && n['use'] !== 'nickname')
  const n = best ?? current ?? names[0]
  return n && written(n)
}

function written(n: Obj): string | undefined {
  const parts = [...strs(n['prefix']), ...strs(n['given']), str(n['family']), ...strs(n['suffix'])]
  const name = parts.filter(Boolean).join(' ')
  return str(n['text']) ?? (name === '' ? undefined : name)
}

/** Every name that a person has or had. */
export function allNames(v: unknown): readonly { name: string; use?: string | undefined }[] {
  return objs(v).flatMap((n) => {
    const name = written(n)
    return name ? [{ name, use: str(n['use']) }] : []
  })
}

export function addressLine(v: unknown): string | undefined {
  const o = obj(v)
  if (!o) return undefined
  const parts = [...strs(o['line']), str(o['city']), str(o['state']), str(o['postalCode']), str(o['country'])]
  return str(o['text']) ?? (parts.filter(Boolean).join(', ') || undefined)
}

/** A reference as a hospital wrote it: what it points to, and its words if it has any. */
export interface Ref {
  readonly to?: string | undefined
  readonly words?: string | undefined
  readonly type?: string | undefined
}

export function ref(v: unknown): Ref | undefined {
  const o = obj(v)
  if (!o) return undefined
  const to = str(o['reference'])
  const words = str(o['display'])
  const named = str(obj(o['identifier'])?.['value'])
  if (!to && !words && !named) return undefined
  return { to, words: words ?? (to ? undefined : named), type: str(o['type']) }
}

export function refs(v: unknown): readonly Ref[] {
  const all = Array.isArray(v) ? v : [v]
  return all.map(ref).filter((r): r is Ref => r !== undefined)
}

/** A name for what a resource describes, to stand where a reference to it is shown. */
export function nameOf(o: Obj): string | undefined {
  if (str(o['name'])) return str(o['name'])
  const name = personName(o['name'])
  if (name) return name
  for (const key of ['code', 'vaccineCode', 'type', 'medicationCodeableConcept', 'category', 'title', 'description', 'deviceName', 'valueSet']) {
    const v = Array.isArray(o[key]) ? (o[key] as unknown[])[0] : o[key]
    const words = concept(v)
    if (words && !words.bare) return words.text
  }
  return concept(o['code'])?.text
}

export function notes(v: unknown): readonly string[] {
  return objs(v).map((n) => str(n['text'])).filter((t): t is string => t !== undefined)
}
