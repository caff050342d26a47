import type { Batch, Entry } from '../types'

/** What hospitals send, made of resources as the role hands it over: bytes end to end. For tests and benchmarks. */
export function batchOf(hospital: string, resources: readonly { resource: Record<string, unknown>; fullURL?: string | undefined }[]): Batch {
  const parts = resources.map((r) => new TextEncoder().encode(JSON.stringify(r.resource)))
  const data = new Uint8Array(parts.reduce((n, p) => n + p.length, 0))
  let offset = 0
  const records = resources.map(({ resource, fullURL }, number): Entry => {
    const part = parts[number] as Uint8Array
    data.set(part, offset)
    offset += part.length
    return { number, hospital, type: String(resource['resourceType']), id: resource['id'] as string, fullURL, offset: offset - part.length, length: part.length }
  })
  return { records, data }
}

interface Bundle {
  readonly entry: readonly { readonly fullUrl?: string; readonly resource: Record<string, unknown> }[]
}

/** The twelve synthetic patients of the local run, by file name. */
export const synthea: Record<string, Bundle> = import.meta.glob<Bundle>('../../../../../deploy/local/testdata/synthea/*.json', { eager: true, import: 'default' })

export function batchOfBundle(hospital: string, bundle: Bundle): Batch {
  return batchOf(hospital, bundle.entry.map((e) => ({ resource: e.resource, fullURL: e.fullUrl })))
}
