import { codeOf, concept, concepts, systemName, type Concept } from '../fhir/codes'
import type { Timing, When } from '../fhir/dates'
import { brief, obj, objs, str, type Obj } from '../fhir/json'
import { nameOf, notes, ref, refs, type Ref } from '../fhir/names'
import type { Entry, Facts, Group, Item } from '../types'
import { searchText } from './search'

/** What a reader finds in one resource; the rest of the item is the same for all. */
export interface Found {
  readonly group: Group
  readonly title?: string | undefined
  readonly concept?: Concept | undefined
  readonly when?: When | undefined
  readonly until?: When | undefined
  readonly status?: string | undefined
  readonly active?: boolean
  readonly wrong?: boolean
  readonly facts: Facts
}

export type Reader = (o: Obj) => Found

const uuid = /^(?:urn:uuid:)?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$/i

/** Makes an item of what a reader found. */
export function item(entry: Entry, o: Obj, found: Found): Item {
  const title = brief(found.title ?? named(found.concept) ?? '', 200)
  return {
    key: keyOf(entry),
    hospital: entry.hospital,
    number: entry.number,
    type: entry.type,
    id: entry.id ?? str(o['id']),
    group: found.group,
    title,
    concept: found.concept,
    when: found.when,
    until: found.until,
    status: found.status ?? str(o['status']),
    active: found.active ?? false,
    wrong: found.wrong ?? o['status'] === 'entered-in-error',
    encounter: encounterOf(o),
    search: searchText(o, title, entry.type),
    same: names(entry, o),
    facts: found.facts,
  }
}

/** A bare code means something only together with its system. */
function named(c?: Concept): string | undefined {
  const system = c?.bare ? systemName(c.codes.find((x) => x.code)?.system) : undefined
  return c && system ? `${system} ${c.text}` : c?.text
}

/** The encounter that a resource names; a document names it in its context, a claim in its first line. */
function encounterOf(o: Obj): string | undefined {
  const context = obj(o['context'])
  const all = [o['encounter'], context, objs(context?.['encounter'])[0], objs(objs(o['item'])[0]?.['encounter'])[0]]
  return all.map((x) => str(obj(x)?.['reference'])).find((x) => x !== undefined)
}

export function keyOf(e: { hospital: string; number: number }): string {
  return `${e.number}@${e.hospital}`
}

/** What names this resource beyond one hospital: a UUID as its id or address, and its identifiers. */
function names(entry: Entry, o: Obj): readonly string[] {
  const found = new Set<string>()
  for (const x of [entry.id, entry.fullURL, str(o['id'])]) {
    const m = x === undefined ? null : uuid.exec(x)
    if (m?.[1]) found.add(`${entry.type} ${m[1].toLowerCase()}`)
  }
  for (const i of objs(o['identifier'])) {
    const [system, value] = [str(i['system']), str(i['value'])]
    if (system && value) found.add(`${entry.type} ${system}|${value}`)
  }
  return [...found]
}

/** Reasons as words where the resource has them, else as references to be looked up. */
export function reasons(o: Obj, code = 'reasonCode', reference = 'reasonReference'): readonly (string | Ref)[] {
  return [...concepts(o[code]).map((c) => c.text), ...refs(o[reference])]
}

export function firstConcept(v: unknown): Concept | undefined {
  return concepts(v)[0]
}

export function words(v: unknown): string | undefined {
  return firstConcept(v)?.text
}

/** The date that stands for a timing in a sorted list. */
export function dateOf(t?: Timing): When | undefined {
  return t?.when
}

export { codeOf, concept, concepts, nameOf, notes, ref, refs }
