import type { When } from '../fhir/dates'
import type { RecordStore } from '../store/store'
import type { Allergy, Item, Person, Source } from '../types'

/** What one hospital says of who the patient is. */
export interface Identity {
  readonly name?: string | undefined
  /** FHIR's administrative gender: male, female, other, unknown. */
  readonly sex?: string | undefined
  readonly born?: When | undefined
  readonly died?: When | true | undefined
  readonly identifiers: Person['identifiers']
  readonly source: Source
  readonly item: string
}

export interface BannerAllergy {
  readonly substance: string
  /** mild, moderate or severe: the worst reaction known. */
  readonly severity?: string | undefined
  /** low, high or unable-to-assess. */
  readonly criticality?: string | undefined
  readonly source: Source
  readonly item: string
}

/** What stands above every screen of a visit. */
export interface Banner {
  /** One for each hospital that sent a Patient. */
  readonly identities: readonly Identity[]
  /** The parts in which the hospitals disagree. */
  readonly differ: readonly ('name' | 'sex' | 'born')[]
  /** Active allergies, the worst first. Those of different hospitals both stand here. */
  readonly allergies: readonly BannerAllergy[]
  /** A hospital states that there is no known allergy, and none contradicts. */
  readonly noneKnown: boolean
}

/** Reads the banner. Cheap enough to be called at each change of the store. */
export function readBanner(store: RecordStore): Banner {
  const identities = store.items.flatMap((i) => identity(i, store))
  const allergies = store.items.filter((i) => i.facts.kind === 'allergy' && i.active && !i.wrong)
  const real = allergies.filter((i) => !(i.facts as Allergy).none)
  return {
    identities,
    differ: (['name', 'sex', 'born'] as const).filter((part) => new Set(identities.map((i) => plain(i, part)).filter(Boolean)).size > 1),
    allergies: real.flatMap((i) => bannerAllergy(i, store)).sort((a, b) => gravity(b) - gravity(a)),
    noneKnown: real.length === 0 && allergies.length > 0,
  }
}

function identity(i: Item, store: RecordStore): Identity[] {
  const source = store.source(i.hospital)
  if (i.type !== 'Patient' || i.facts.kind !== 'person' || !source) return []
  const { name, sex, born, died, identifiers } = i.facts
  return [{ name, sex, born, died, identifiers, source, item: i.key }]
}

function plain(i: Identity, part: 'name' | 'sex' | 'born'): string | undefined {
  return part === 'born' ? i.born?.written : part === 'name' ? i.name?.toLowerCase().replace(/\s+/g, ' ') : i.sex
}

function bannerAllergy(i: Item, store: RecordStore): BannerAllergy[] {
  const source = store.source(i.hospital)
  if (i.facts.kind !== 'allergy' || !source) return []
  return [{ substance: i.title, severity: worst(i.facts), criticality: i.facts.criticality, source, item: i.key }]
}

const severities = ['mild', 'moderate', 'severe']

/** The severity of the worst reaction. */
export function worst(a: Allergy): string | undefined {
  return severities[Math.max(-1, ...a.reactions.map((r) => severities.indexOf(r.severity ?? '')))]
}

function gravity(a: Pick<BannerAllergy, 'severity' | 'criticality'>): number {
  return severities.indexOf(a.severity ?? '') + (a.criticality === 'high' ? 2 : 0)
}
