import { when } from '../fhir/dates'
import { num, obj, str, type Obj } from '../fhir/json'
import type { File } from '../types'

/** The bytes that base64 text stands for. */
export function base64Size(text: string): number {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  return Math.max(0, Math.floor((text.length * 3) / 4) - padding)
}

/** Reads an Attachment that stands at a path of its resource. */
export function attachment(v: unknown, path: readonly (string | number)[]): File | undefined {
  const o = obj(v)
  if (!o) return undefined
  const data = typeof o['data'] === 'string' ? o['data'] : ''
  const url = str(o['url'])
  if (data === '' && !url && !str(o['title'])) return undefined
  return {
    path: data === '' ? [] : [...path, 'data'],
    type: mediaType(str(o['contentType'])),
    title: str(o['title']),
    size: data === '' ? (num(o['size']) ?? 0) : base64Size(data),
    url,
    created: when(o['creation']),
  }
}

/** A media type without its parameters, in lower case. */
export function mediaType(written?: string): string {
  return written?.split(';')[0]?.trim().toLowerCase() ?? 'application/octet-stream'
}

/**
 * The bytes of a file out of its parsed resource. White space within base64 is allowed
 * (RFC 2045), anything else is not.
 */
export function fileBytes(resource: Obj, path: readonly (string | number)[]): Uint8Array<ArrayBuffer> | undefined {
  let v: unknown = resource
  for (const key of path) v = typeof v === 'object' && v !== null && Object.hasOwn(v, key) ? (v as Record<string | number, unknown>)[key] : undefined
  if (typeof v !== 'string' || path.length === 0) return undefined
  try {
    const raw = atob(v)
    const bytes = new Uint8Array(raw.length)
    for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i)
    return bytes
  } catch {
    return undefined
  }
}
