/** Who a patient says she is, or who a hospital's record says she is. */
export interface Person {
  name?: string | undefined
  birthDate?: string | undefined
  gender?: string | undefined
}

interface HumanName {
  use?: string
  text?: string
  family?: string
  given?: string[]
}

/** The person of the first Patient in M_SD, a FHIR R4 Bundle; undefined if it holds none. */
export function selfStated(signals: string): Person | undefined {
  const patient = entries(signals).find((r) => r['resourceType'] === 'Patient')
  if (!patient) return undefined
  return { name: nameOf(patient['name']), birthDate: text(patient['birthDate']), gender: text(patient['gender']) }
}

/** Whether M_SD holds anything but the Patient. */
export function hasMeasurements(signals: string): boolean {
  return entries(signals).some((r) => r['resourceType'] === 'Observation')
}

// The bundle is the patient's own writing: anything may stand in it.
function entries(signals: string): Record<string, unknown>[] {
  try {
    const bundle: unknown = JSON.parse(signals)
    const list = isObject(bundle) && Array.isArray(bundle['entry']) ? bundle['entry'] : []
    return list.map((e: unknown) => (isObject(e) ? e['resource'] : undefined)).filter(isObject)
  } catch {
    return []
  }
}

function nameOf(names: unknown): string | undefined {
  const list = Array.isArray(names) ? (names.filter(isObject) as HumanName[]) : []
  const best = list.find((n) => n.use === 'official') ?? list[0]
  if (!best) return undefined
  const given = Array.isArray(best.given) ? best.given.filter((g) => typeof g === 'string') : []
  return text(best.text) ?? text([...given, text(best.family)].filter(Boolean).join(' '))
}

const text = (v: unknown): string | undefined => (typeof v === 'string' && v.trim() !== '' ? v.trim().slice(0, 200) : undefined)
const isObject = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v)
