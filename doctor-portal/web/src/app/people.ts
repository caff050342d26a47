import { hasMeasurements, selfStated, type Person } from './person.ts'
import type { Visit } from './practice.ts'

/** What a patient sent along with her consent. */
export interface Brought {
  person?: Person | undefined
  /** M_SD as she sent it, a FHIR R4 Bundle. */
  signals: string
  measured: boolean
}

/** Whether M_SD of a visit can be read: it is here once the consent is. */
const readable = (v: Visit) => v.state === 'waiting' || v.state === 'open'

/** What the patients of the visits sent, read once each and forgotten when a visit closes. */
export class People {
  private readonly known = new Map<string, Brought>()
  private readonly asked = new Set<string>()

  of(visit: string): Brought | undefined {
    return this.known.get(visit)
  }

  /** Reads what is new and drops what belongs to no visit that can be read. */
  keep(visits: readonly Visit[], signals: (id: string) => Promise<string>, changed: () => void) {
    const here = new Set(visits.filter(readable).map((v) => v.id))
    for (const id of this.asked) if (!here.has(id)) this.forget(id)
    for (const id of here) if (!this.asked.has(id)) void this.read(id, signals, changed)
  }

  private async read(id: string, signals: (id: string) => Promise<string>, changed: () => void) {
    this.asked.add(id)
    try {
      const text = await signals(id)
      if (!this.asked.has(id)) return
      this.known.set(id, { person: selfStated(text), signals: text, measured: hasMeasurements(text) })
      changed()
    } catch {
      this.asked.delete(id) // the next event asks again
    }
  }

  private forget(id: string) {
    this.asked.delete(id)
    this.known.delete(id)
  }
}
