import { obj, parse, type Obj } from '../fhir/json'
import { firstTypes, keyOf, rank, read } from '../read'
import type { Batch, Entry, Item, Source } from '../types'
import { inSlices } from './slices'

/** The progress of reading: how many of how many resources are in the lists. */
export interface Progress {
  readonly read: number
  readonly total: number
}

interface Shelf {
  readonly source: Source
  readonly batch: Batch
  readonly entries: ReadonlyMap<string, Entry>
  /** Entries by type/id and by fullURL, for references. */
  readonly names: ReadonlyMap<string, Entry>
  readonly items: Item[]
  readonly stop: AbortController
}

/**
 * How long the page waits for news while a batch is being read, in milliseconds: at first
 * and at most. Each news has it derive everything anew, so that the waits grow.
 */
const pace = { first: 200, most: 1600 }

/**
 * The record of one visit: what each hospital sent, parsed piece by piece, in the order of
 * what a doctor looks at first. It keeps the signed bytes; a resource is parsed again when
 * its details are opened.
 */
export class RecordStore {
  readonly #shelves = new Map<string, Shelf>()
  readonly #listeners = new Set<() => void>()
  #version = 0
  #all: { version: number; items: readonly Item[] } = { version: -1, items: [] }

  /**
   * Takes what a hospital sent, in the place of what it sent before, and reads it. Resolves
   * when all of it is in the lists, or something newer took its place. The source must have
   * been verified. A record outside the bytes is an error, and nothing changes.
   */
  async put(source: Source, batch: Batch): Promise<void> {
    for (const e of batch.records) check(e, source, batch)
    this.#shelves.get(source.hospital)?.stop.abort()
    const shelf: Shelf = { source, batch, ...catalogue(batch), items: [], stop: new AbortController() }
    this.#shelves.set(source.hospital, shelf)
    this.#changed()
    await this.#fill(shelf)
  }

  async #fill(shelf: Shelf): Promise<void> {
    const waiting = [...shelf.batch.records].sort((a, b) => rank(b.type) - rank(a.type) || b.number - a.number)
    let told = performance.now()
    let wait = pace.first
    let first = true
    const step = (): boolean => {
      const entry = waiting.pop()
      if (!entry) return false
      shelf.items.push(read(entry, parse(text(shelf.batch, entry))))
      const next = waiting.at(-1)
      const begun = first && !!next && !firstTypes.has(next.type)
      if (begun || performance.now() - told > wait) {
        first &&= !begun
        told = performance.now()
        wait = Math.min(pace.most, wait * 2)
        this.#changed()
      }
      return next !== undefined
    }
    await inSlices(step, shelf.stop.signal)
    if (!shelf.stop.signal.aborted) this.#changed()
  }

  /** Forgets what a hospital sent. */
  remove(hospital: string): void {
    this.#shelves.get(hospital)?.stop.abort()
    if (this.#shelves.delete(hospital)) this.#changed()
  }

  clear(): void {
    for (const s of this.#shelves.values()) s.stop.abort()
    this.#shelves.clear()
    this.#changed()
  }

  /** Calls f after each change, until the returned function is called. */
  subscribe(f: () => void): () => void {
    this.#listeners.add(f)
    return () => void this.#listeners.delete(f)
  }

  #changed(): void {
    this.#version++
    for (const f of this.#listeners) f()
  }

  /** Grows with each change: what was derived from an older version is to be derived again. */
  get version(): number {
    return this.#version
  }

  get progress(): Progress {
    const shelves = [...this.#shelves.values()]
    return { read: sum(shelves.map((s) => s.items.length)), total: sum(shelves.map((s) => s.batch.records.length)) }
  }

  get sources(): readonly Source[] {
    return [...this.#shelves.values()].map((s) => s.source)
  }

  source(hospital: string): Source | undefined {
    return this.#shelves.get(hospital)?.source
  }

  /** All items that were read so far, hospital by hospital. The same list until the version changes. */
  get items(): readonly Item[] {
    if (this.#all.version !== this.#version) this.#all = { version: this.#version, items: [...this.#shelves.values()].flatMap((s) => s.items) }
    return this.#all.items
  }

  /** The signed text of a resource, as the hospital wrote it; undefined if it is gone. */
  raw(of: Pick<Item, 'hospital' | 'number'>): string | undefined {
    const shelf = this.#shelves.get(of.hospital)
    const entry = shelf?.entries.get(keyOf(of))
    return shelf && entry && text(shelf.batch, entry)
  }

  resource(of: Pick<Item, 'hospital' | 'number'>): Obj | undefined {
    return obj(parse(this.raw(of) ?? ''))
  }

  /**
   * The key of the item that a reference means: by its full URL, or by type and id, within the
   * same hospital only, as ids of different hospitals have nothing to do with each other.
   */
  resolve(hospital: string, reference: string | undefined): string | undefined {
    if (!reference) return undefined
    const names = this.#shelves.get(hospital)?.names
    const plain = reference.split('/_history/')[0] ?? reference
    const entry = names?.get(plain) ?? names?.get(plain.split('/').slice(-2).join('/'))
    return entry && keyOf(entry)
  }

  item(key: string | undefined): Item | undefined {
    return key === undefined ? undefined : this.#keys().get(key)
  }

  #byKey: { version: number; map: ReadonlyMap<string, Item> } = { version: -1, map: new Map() }

  #keys(): ReadonlyMap<string, Item> {
    if (this.#byKey.version !== this.#version) this.#byKey = { version: this.#version, map: new Map(this.items.map((i) => [i.key, i])) }
    return this.#byKey.map
  }
}

function check(e: Entry, source: Source, batch: Batch): void {
  const fits = Number.isSafeInteger(e.offset) && Number.isSafeInteger(e.length) && e.offset >= 0 && e.length >= 0 && e.offset + e.length <= batch.data.length
  if (!fits) throw new RangeError(`record ${e.number} lies outside the bytes that were sent`)
  if (e.hospital !== source.hospital) throw new RangeError(`record ${e.number} is of another hospital than its release`)
}

function catalogue(batch: Batch): Pick<Shelf, 'entries' | 'names'> {
  const entries = new Map<string, Entry>()
  const names = new Map<string, Entry>()
  for (const e of batch.records) {
    entries.set(keyOf(e), e)
    if (e.id) names.set(`${e.type}/${e.id}`, e)
    if (e.fullURL) names.set(e.fullURL, e)
  }
  return { entries, names }
}

const decoder = new TextDecoder()

function text(batch: Batch, e: Entry): string {
  return decoder.decode(batch.data.subarray(e.offset, e.offset + e.length))
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0)
}
