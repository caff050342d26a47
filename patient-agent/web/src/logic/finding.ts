/** A diagnosis in words, read from the FHIR R4 bundle that the doctor signed. */
export interface Finding {
  /** What he concluded. */
  title?: string
  code?: { system: string; code: string; display?: string }
  notes: string[]
  attachments: Attachment[]
  /** Resources of other kinds, which the page does not put in words. */
  others: string[]
}

export interface Attachment {
  title?: string
  type: string
  /** Base64, as it stands in the resource. */
  data: string
}

type Json = Record<string, unknown>

const object = (v: unknown): Json | undefined => (typeof v === 'object' && v !== null && !Array.isArray(v) ? (v as Json) : undefined)
const list = (v: unknown): Json[] => (Array.isArray(v) ? v.map(object).filter((x) => x !== undefined) : [])
const text = (v: unknown): string | undefined => (typeof v === 'string' && v.trim() !== '' ? v.trim() : undefined)

/** Reads what it knows and names what it does not: nothing of a signed diagnosis vanishes. */
export function findingOf(bundle: unknown): Finding {
  const f: Finding = { notes: [], attachments: [], others: [] }
  const resources = list(object(bundle)?.entry)
    .map((e) => object(e.resource))
    .filter((r) => r !== undefined)
  for (const r of resources.length > 0 ? resources : [object(bundle) ?? {}]) read(f, r)
  f.notes = [...new Set(f.notes)].filter((n) => n !== f.title)
  return f
}

function read(f: Finding, r: Json): void {
  switch (r.resourceType) {
    case 'DiagnosticReport':
      coded(f, list(r.conclusionCode)[0])
      f.title ??= text(r.conclusion)
      addNote(f, text(r.conclusion))
      list(r.presentedForm).forEach((a) => attach(f, a))
      break
    case 'Condition':
      coded(f, object(r.code))
      list(r.note).forEach((n) => addNote(f, text(n.text)))
      break
    case 'DocumentReference':
      addNote(f, text(r.description))
      list(r.content).forEach((c) => attach(f, object(c.attachment)))
      break
    case 'Media':
    case 'Observation':
      attach(f, object(r.content))
      list(r.note).forEach((n) => addNote(f, text(n.text)))
      if (r.resourceType === 'Observation') addNote(f, text(r.valueString))
      break
    default:
      if (typeof r.resourceType === 'string') f.others.push(r.resourceType)
  }
}

function coded(f: Finding, concept: Json | undefined): void {
  const c = list(concept?.coding)[0]
  const display = text(c?.display)
  if (text(c?.code) !== undefined) f.code ??= { system: text(c?.system) ?? '', code: text(c?.code)!, display }
  f.title ??= text(concept?.text) ?? display
}

function addNote(f: Finding, note: string | undefined): void {
  if (note !== undefined) f.notes.push(note)
}

function attach(f: Finding, a: Json | undefined): void {
  const data = text(a?.data)
  if (data !== undefined) f.attachments.push({ title: text(a?.title), type: text(a?.contentType) ?? 'application/octet-stream', data })
}

/** The bytes of an attachment; undefined if they are no base64. */
export function bytesOf(a: Attachment): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(a.data.replaceAll(/\s/g, '')), (c) => c.charCodeAt(0))
  } catch {
    return undefined
  }
}

/** Types that a browser shows without running anything in them. */
const harmless = ['application/pdf', 'image/jpeg', 'image/png', 'image/gif', 'image/webp', 'text/plain', 'text/csv']

/** The type under which a file is saved: a browser that opens it instead must not run it with this page's rights. */
export const savedAs = (a: Attachment) => (harmless.includes(a.type.toLowerCase()) ? a.type : 'application/octet-stream')
