import { obj, objs, str, type Obj } from './json'

export interface Code {
  readonly system?: string | undefined
  readonly code?: string | undefined
  readonly display?: string | undefined
}

/** A coded idea: its words for people, its codes for machines. */
export interface Concept {
  /** The words, or the bare code if the hospital gave no words. */
  readonly text: string
  /** Whether the words are a bare code. */
  readonly bare: boolean
  readonly codes: readonly Code[]
}

const snomed = 'http://snomed.info/sct'

/** SNOMED CT's semantic tags, which say of which kind a term is; where a page shows the term the kind is plain. */
const tags = / \((?:finding|disorder|procedure|situation|regime\/therapy|event|observable entity|qualifier value|person|product|substance|environment|morphologic abnormality|body structure|physical object|record artifact|clinical drug|medicinal product|occupation|context-dependent category)\)$/

export function coding(v: unknown): Code | undefined {
  const o = obj(v)
  if (!o) return undefined
  const c = { system: str(o['system']), code: str(o['code']), display: str(o['display']) }
  return c.code ?? c.display ? c : undefined
}

/** Reads a CodeableConcept, a Coding, or a text in the place of either. */
export function concept(v: unknown): Concept | undefined {
  const plain = str(v)
  if (plain) return { text: plain, bare: false, codes: [] }
  const o = obj(v)
  if (!o) return undefined
  const written = 'coding' in o || 'text' in o ? objs(o['coding']) : [o]
  const codes = written.map(coding).filter((c): c is Code => c !== undefined)
  const words = str(o['text']) ?? chosen(written) ?? codes.find((c) => c.display)?.display
  if (words) return { text: shorten(words, codes), bare: false, codes }
  const bare = codes.find((c) => c.code)?.code
  return bare ? { text: bare, bare: true, codes } : undefined
}

/** The display that a person picked. */
function chosen(codings: readonly Obj[]): string | undefined {
  return str(codings.find((c) => c['userSelected'] === true)?.['display'])
}

function shorten(words: string, codes: readonly Code[]): string {
  return codes.some((c) => c.system === snomed) ? words.replace(tags, '') : words
}

export function concepts(v: unknown): readonly Concept[] {
  const all = Array.isArray(v) ? v : [v]
  return all.map(concept).filter((c): c is Concept => c !== undefined)
}

/** Whether a concept holds one of some codes, whatever their system: for FHIR's own small code lists. */
export function has(c: Concept | undefined, ...codes: readonly string[]): boolean {
  return c?.codes.some((x) => x.code !== undefined && codes.includes(x.code)) ?? false
}

/** The first code of a concept: for FHIR's own small code lists. */
export function codeOf(v: unknown): string | undefined {
  return str(v) ?? concept(v)?.codes.find((c) => c.code)?.code ?? concept(v)?.text
}

const systems = new Map([
  [snomed, 'SNOMED CT'],
  ['http://loinc.org', 'LOINC'],
  ['http://www.nlm.nih.gov/research/umls/rxnorm', 'RxNorm'],
  ['http://hl7.org/fhir/sid/cvx', 'CVX'],
  ['http://hl7.org/fhir/sid/icd-10', 'ICD-10'],
  ['http://hl7.org/fhir/sid/icd-10-cm', 'ICD-10-CM'],
  ['http://hl7.org/fhir/sid/icd-9-cm', 'ICD-9-CM'],
  ['http://id.who.int/icd/release/11/mms', 'ICD-11'],
  ['http://www.whocc.no/atc', 'ATC'],
  ['http://hl7.org/fhir/sid/ndc', 'NDC'],
  ['http://unitsofmeasure.org', 'UCUM'],
  ['http://dicom.nema.org/resources/ontology/DCM', 'DICOM'],
  ['http://www.ama-assn.org/go/cpt', 'CPT'],
  ['urn:iso:std:iso:11073:10101', 'MDC'],
  ['urn:oid:2.16.840.1.113883.6.24', 'MDC'],
])

/** A code system's name, or its address if it is not among the known ones. */
export function systemName(system?: string): string | undefined {
  if (!system) return undefined
  const known = systems.get(system)
  if (known) return known
  const own = /^https?:\/\/(?:terminology\.)?hl7\.org\/(?:fhir\/)?(?:CodeSystem\/)?(.+)$/.exec(system)
  return own?.[1] ? `HL7 ${own[1]}` : system
}

/** LOINC codes of the same thing: the older panel of blood pressure is the newer one. */
const aliases = new Map([['55284-4', '85354-9']])

/** A concept's identity across hospitals: its best known code, else its words. */
export function identity(c?: Concept): string {
  const coded = c?.codes.find((x) => x.code && x.system && systems.has(x.system)) ?? c?.codes.find((x) => x.code)
  return coded?.code ? `${coded.system ?? ''}|${aliases.get(coded.code) ?? coded.code}` : (c?.text.toLowerCase() ?? '')
}
