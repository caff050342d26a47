import type { Card, Defaults, Grant, Hospital } from '../api/types'

/** What she picked at one hospital. */
export interface Pick {
  departments: string[]
  classes: string[]
}

/**
 * The choices of a visit that is being prepared. They survive a reload in sessionStorage; recordings do
 * not, because they are medical content.
 */
export interface Draft {
  link: string
  department?: string
  purpose?: string
  /** How long the consent lasts, in hours. */
  hours: number
  maxUses: number
  /** By hospital: absent is the default, null is nothing. */
  picks: Record<string, Pick | null>
  /** Absent is the default, '' is nowhere. */
  writeTo?: string
  /** Leave out what she says of herself. */
  anonymous?: boolean
  /** How many files were attached: they must be chosen again after a reload. */
  files: number
}

export const defaultHours = 24
export const defaultUses = 3
export const hourChoices: readonly number[] = [1, 8, 24, 72, 168]
export const useChoices: readonly number[] = [1, 3, 10]

export function newDraft(link: string): Draft {
  return { link, hours: defaultHours, maxUses: defaultUses, picks: {}, files: 0 }
}

/** Everything but what is sensitive. */
export function defaultPick(h: Hospital, d: Defaults): Pick {
  const sensitive = (list: Defaults['classes']) => new Set(list.filter((c) => c.sensitive).map((c) => c.code))
  const classes = sensitive(d.classes)
  const departments = sensitive(d.departments)
  return {
    departments: h.departments.filter((c) => !departments.has(c)),
    classes: h.classes.filter((c) => !classes.has(c)),
  }
}

/** What the draft shares of a hospital; null is nothing. A class that she has never seen is not shared. */
export function pickOf(draft: Draft, h: Hospital, d: Defaults): Pick | null {
  const chosen = draft.picks[h.id]
  if (chosen === null) return null
  const p = chosen ?? defaultPick(h, d)
  const held = {
    departments: p.departments.filter((c) => h.departments.includes(c)),
    classes: p.classes.filter((c) => h.classes.includes(c)),
  }
  return held.departments.length > 0 && held.classes.length > 0 ? held : null
}

/** What stays behind at a hospital. */
export function keptBack(p: Pick | null, h: Hospital): Pick {
  return {
    departments: h.departments.filter((c) => !p?.departments.includes(c)),
    classes: h.classes.filter((c) => !p?.classes.includes(c)),
  }
}

/** The hospitals that can share something: she is enrolled there, and it holds something. */
export function sharing(hospitals: Hospital[]): Hospital[] {
  return hospitals.filter((h) => h.enrolled && h.departments.length > 0 && h.classes.length > 0)
}

export function grants(draft: Draft, hospitals: Hospital[], d: Defaults): Grant[] {
  return sharing(hospitals).flatMap((h) => {
    const p = pickOf(draft, h, d)
    return p === null ? [] : [{ hospital: h.id, departments: p.departments, classes: p.classes }]
  })
}

/** Where the diagnosis may be written: the doctor's own hospital if she is enrolled there, else nowhere. */
export function writeTo(draft: Draft, card: Card, hospitals: Hospital[]): string {
  const mine = hospitals.filter((h) => h.enrolled).map((h) => h.id)
  if (draft.writeTo !== undefined) return mine.includes(draft.writeTo) ? draft.writeTo : ''
  return mine.includes(card.affiliation) ? card.affiliation : ''
}

/** The department in which the doctor acts: his only one, or the one she chose. */
export function department(draft: Draft, card: Card): string | undefined {
  if (draft.department !== undefined && card.departments.includes(draft.department)) return draft.department
  return card.departments.length === 1 ? card.departments[0] : undefined
}

const key = 'medunion.visit'

export function keepDraft(storage: Storage, draft: Draft | undefined): void {
  try {
    if (draft === undefined) storage.removeItem(key)
    else storage.setItem(key, JSON.stringify(draft))
  } catch {
    // A full or forbidden storage only loses the convenience of a reload.
  }
}

export function readDraft(storage: Storage): Draft | undefined {
  try {
    const d: unknown = JSON.parse(storage.getItem(key) ?? 'null')
    return isDraft(d) ? d : undefined
  } catch {
    return undefined
  }
}

function isDraft(d: unknown): d is Draft {
  const x = d as Draft | null
  return (
    typeof x === 'object' &&
    x !== null &&
    typeof x.link === 'string' &&
    hourChoices.includes(x.hours) &&
    useChoices.includes(x.maxUses) &&
    typeof x.files === 'number' &&
    typeof x.picks === 'object' &&
    x.picks !== null &&
    Object.values(x.picks).every((p) => p === null || (Array.isArray(p.departments) && Array.isArray(p.classes)))
  )
}
