/** What a diagnosis' bundle says, read out of the text that will be signed. */
export interface Shown {
  code?: { code: string; display: string } | undefined
  text?: string | undefined
  note?: string | undefined
  attachment?: { title: string; size: number } | undefined
  /** The whole bundle in lines; of an attachment's bytes only the beginning. */
  pretty: string
}

type Json = Record<string, unknown>
const isObject = (v: unknown): v is Json => typeof v === 'object' && v !== null && !Array.isArray(v)
const objects = (v: unknown): Json[] => (Array.isArray(v) ? v.filter(isObject) : [])
const text = (v: unknown): string | undefined => (typeof v === 'string' && v !== '' ? v : undefined)
const inner = (v: unknown, key: string): Json => (isObject(v) && isObject(v[key]) ? (v[key] as Json) : {})

/** Reads the bundle that the doctor's role made. */
export function shown(bundle: string): Shown {
  const whole: unknown = JSON.parse(bundle)
  const resources = objects(isObject(whole) ? whole['entry'] : undefined).map((e) => inner(e, 'resource'))
  const of = (type: string) => resources.find((r) => r['resourceType'] === type)
  const concept = inner(of('Condition'), 'code')
  const [coding] = objects(concept['coding'])
  const attachment = inner(objects(of('DocumentReference')?.['content'])[0], 'attachment')
  return {
    code: coding && { code: text(coding['code']) ?? '', display: text(coding['display']) ?? '' },
    text: text(concept['text']),
    note: objects(of('Condition')?.['note']).map((n) => text(n['text'])).filter(Boolean).join('\n') || undefined,
    attachment: text(attachment['title']) ? { title: text(attachment['title'])!, size: Number(attachment['size'] ?? 0) } : undefined,
    pretty: JSON.stringify(whole, (key, v: unknown) => (key === 'data' && typeof v === 'string' && v.length > 200 ? `${v.slice(0, 60)}… (${v.length})` : v), 2),
  }
}
