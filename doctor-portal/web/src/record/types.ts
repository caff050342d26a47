import type { Concept } from './fhir/codes'
import type { Span, Timing, When } from './fhir/dates'
import type { Ref } from './fhir/names'
import type { Quantity, Range, Value } from './fhir/value'

/** A hospital whose release was verified. Only such a hospital's records enter the store. */
export interface Source {
  readonly hospital: string
  /** The hospital's name for people, where it is not its id. */
  readonly name?: string | undefined
  /** When the hospital signed the release, in milliseconds. */
  readonly signed: number
}

/** One resource within a batch's bytes. Offsets and lengths are in bytes. */
export interface Entry {
  readonly number: number
  readonly hospital: string
  readonly type: string
  readonly id?: string | undefined
  readonly fullURL?: string | undefined
  readonly offset: number
  readonly length: number
}

/** What a hospital sent: the resources' bytes end to end, as it signed them. */
export interface Batch {
  readonly records: readonly Entry[]
  readonly data: Uint8Array
}

/** The list in which an item stands. */
export const groups = ['patient', 'allergy', 'problem', 'medication', 'vital', 'result', 'report', 'procedure', 'immunization',
  'encounter', 'imaging', 'document', 'plan', 'social', 'device', 'claim', 'people', 'other'] as const
export type Group = (typeof groups)[number]

/** What every item has, whatever it is. */
export interface Item {
  /** Unique in the store. */
  readonly key: string
  readonly hospital: string
  readonly number: number
  readonly type: string
  readonly id?: string | undefined
  readonly group: Group
  /** Its name as the hospital wrote it, or "" if it wrote none: titleOf finds another. */
  readonly title: string
  readonly concept?: Concept | undefined
  /** The date by which it is sorted. */
  readonly when?: When | undefined
  readonly until?: When | undefined
  /** FHIR's status code, in the words of the resource's own list of codes. */
  readonly status?: string | undefined
  /** Still holds: an active problem, a medication being taken. */
  readonly active: boolean
  /** Marked by the hospital as entered in error. */
  readonly wrong: boolean
  /** The encounter in which it came about. */
  readonly encounter?: string | undefined
  /** Lower case, without accents: what the search looks through. */
  readonly search: string
  /** What names the same thing elsewhere: identifiers, or the resource's id where it is a UUID. */
  readonly same: readonly string[]
  readonly facts: Facts
}

export type Facts = Problem | Allergy | Medication | Immunization | Procedure | Encounter | Observation | Report | Document | Imaging | Person | Plain

export interface Problem {
  readonly kind: 'problem'
  readonly clinical?: string | undefined
  readonly verification?: string | undefined
  readonly severity?: Concept | undefined
  readonly onset?: Timing | undefined
  readonly abatement?: Timing | undefined
  readonly recorded?: When | undefined
  readonly sites: readonly Concept[]
  readonly notes: readonly string[]
}

export interface Reaction {
  readonly manifestations: readonly string[]
  readonly severity?: string | undefined
  readonly substance?: string | undefined
}

export interface Allergy {
  readonly kind: 'allergy'
  readonly clinical?: string | undefined
  readonly verification?: string | undefined
  readonly sort?: string | undefined
  readonly criticality?: string | undefined
  readonly categories: readonly string[]
  readonly reactions: readonly Reaction[]
  readonly onset?: Timing | undefined
  readonly recorded?: When | undefined
  readonly last?: When | undefined
  /** A statement that there is none, such as "no known allergies". */
  readonly none: boolean
  readonly notes: readonly string[]
}

export interface Dosage {
  readonly text?: string | undefined
  readonly doses: readonly { readonly amount: Value; readonly sort?: string | undefined }[]
  readonly rates: readonly Value[]
  readonly timing?: DoseTiming | undefined
  readonly asNeeded: boolean
  readonly neededFor?: string | undefined
  readonly route?: string | undefined
  readonly site?: string | undefined
  readonly method?: string | undefined
  readonly max?: Value | undefined
  readonly more: readonly string[]
}

export interface DoseTiming {
  readonly text?: string | undefined
  readonly code?: string | undefined
  readonly frequency?: number | undefined
  readonly frequencyMax?: number | undefined
  readonly period?: number | undefined
  readonly periodMax?: number | undefined
  readonly unit?: string | undefined
  readonly count?: number | undefined
  readonly days: readonly string[]
  readonly times: readonly string[]
  readonly events: readonly string[]
  readonly offset?: number | undefined
  readonly bounds?: Span | undefined
  readonly lasting?: Quantity | undefined
}

export interface Medication {
  readonly kind: 'medication'
  readonly sort: 'request' | 'statement' | 'administration' | 'dispense' | 'substance'
  readonly intent?: string | undefined
  readonly dosages: readonly Dosage[]
  readonly reasons: readonly (string | Ref)[]
  readonly statusReasons: readonly string[]
  readonly by?: Ref | undefined
  readonly reference?: Ref | undefined
  readonly taken?: Span | undefined
  readonly notes: readonly string[]
}

export interface Immunization {
  readonly kind: 'immunization'
  readonly given: boolean
  readonly occurrence?: Timing | undefined
  readonly statusReason?: string | undefined
  readonly lot?: string | undefined
  readonly site?: string | undefined
  readonly route?: string | undefined
  readonly dose?: Quantity | undefined
  readonly protocol: readonly string[]
  readonly notes: readonly string[]
}

export interface Procedure {
  readonly kind: 'procedure'
  readonly performed?: Timing | undefined
  readonly reasons: readonly (string | Ref)[]
  readonly sites: readonly Concept[]
  readonly outcome?: string | undefined
  readonly by: readonly Ref[]
  readonly notes: readonly string[]
}

export interface Encounter {
  readonly kind: 'encounter'
  readonly sort?: string | undefined
  readonly period?: Span | undefined
  readonly reasons: readonly (string | Ref)[]
  readonly diagnoses: readonly Ref[]
  readonly people: readonly Ref[]
  readonly place?: Ref | undefined
  readonly discharge?: string | undefined
}

/** What an interpretation says of a value. */
export type Flag = 'critical-high' | 'critical-low' | 'high' | 'low' | 'abnormal' | 'normal'

export interface Component {
  readonly concept?: Concept | undefined
  readonly value?: Value | undefined
  readonly absent?: string | undefined
  readonly flags: readonly Flag[]
  readonly says: readonly string[]
  readonly ranges: readonly Range[]
}

export interface Observation extends Component {
  readonly kind: 'observation'
  readonly components: readonly Component[]
  readonly members: readonly Ref[]
  readonly method?: string | undefined
  readonly specimen?: Ref | undefined
  readonly site?: string | undefined
  readonly by: readonly Ref[]
  readonly issued?: When | undefined
  readonly notes: readonly string[]
}

/** A file within a resource. Its bytes stay in the resource until somebody opens it. */
export interface File {
  /** Where its base64 text stands in the resource, as a list of keys. */
  readonly path: readonly (string | number)[]
  readonly type: string
  readonly title?: string | undefined
  /** Bytes. */
  readonly size: number
  /** A file elsewhere, which is never fetched. */
  readonly url?: string | undefined
  readonly created?: When | undefined
}

export interface Report {
  readonly kind: 'report'
  readonly categories: readonly Concept[]
  readonly results: readonly Ref[]
  readonly conclusion?: string | undefined
  readonly conclusions: readonly Concept[]
  readonly files: readonly File[]
  readonly by: readonly Ref[]
  readonly issued?: When | undefined
}

export interface Document {
  readonly kind: 'document'
  readonly categories: readonly Concept[]
  readonly description?: string | undefined
  readonly by: readonly Ref[]
  readonly files: readonly File[]
  /** References to Binary resources that hold the bytes. */
  readonly sections: readonly { readonly title?: string | undefined; readonly text?: string | undefined }[]
}

export interface Imaging {
  readonly kind: 'imaging'
  readonly series: readonly { readonly modality?: string | undefined; readonly site?: string | undefined; readonly text?: string | undefined; readonly images?: number | undefined }[]
  readonly reasons: readonly (string | Ref)[]
  readonly images?: number | undefined
}

export interface Person {
  readonly kind: 'person'
  readonly name?: string | undefined
  readonly names: readonly { readonly name: string; readonly use?: string | undefined }[]
  readonly sex?: string | undefined
  readonly born?: When | undefined
  readonly died?: When | true | undefined
  readonly address?: string | undefined
  readonly contacts: readonly string[]
  readonly identifiers: readonly { readonly name?: string | undefined; readonly value: string }[]
  readonly languages: readonly string[]
}

/** What has no reader of its own: a few lines that say what it holds. */
export interface Plain {
  readonly kind: 'plain'
  readonly lines: readonly { readonly label: string; readonly text: string | Ref }[]
  /** The bytes were no resource of the type that the hospital named. */
  readonly broken?: boolean
}
