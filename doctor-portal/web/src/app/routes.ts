import { href, useRoute as useAddress, type Route as Address } from '@medunion/ui'
import type { Doctor } from './practice.ts'

/** The tabs of a visit; those between visit and evidence are the record's own. */
export const visitTabs = ['visit', 'summary', 'timeline', 'results', 'medication', 'documents', 'all', 'evidence'] as const
export type VisitTab = (typeof visitTabs)[number]

export type Route = { at: 'home' | 'card' | 'keys' | 'help' } | { at: 'earlier'; id?: string | undefined } | { at: 'visit'; id: string; tab: VisitTab }
export type Found = Route | { at: 'unknown' }

/** Visits have local ids of 16 hex digits. */
const visitId = /^[0-9a-f]{16}$/

/** The screen at an address. */
export function routeOf({ segments }: Pick<Address, 'segments'>): Found {
  const [first, id, tab = 'visit', ...rest] = segments
  if (first === undefined) return { at: 'home' }
  if ((first === 'card' || first === 'keys' || first === 'help') && id === undefined) return { at: first }
  if (first === 'earlier' && segments.length <= 2 && (id === undefined || visitId.test(id))) return { at: 'earlier', id }
  const known = visitTabs.find((t) => t === tab)
  if (first !== 'visits' || !visitId.test(id ?? '') || !known || rest.length > 0) return { at: 'unknown' }
  return { at: 'visit', id: id!, tab: known }
}

/** The fragment of a screen, the inverse of routeOf. */
export function link(r: Route): string {
  if (r.at === 'home') return '#/'
  if (r.at === 'earlier') return r.id === undefined ? href('/earlier') : href('/earlier', r.id)
  if (r.at !== 'visit') return href('/', r.at)
  return r.tab === 'visit' ? href('/visits', r.id) : href('/visits', r.id, r.tab)
}

/** What is shown at an address: before the registration the set-up, but for keys and help. */
export function guard(r: Found, doctor: Pick<Doctor, 'state'>): Found | { at: 'setup' } {
  if (doctor.state === 'registered' || r.at === 'keys' || r.at === 'help') return r
  return { at: 'setup' }
}

export function goTo(r: Route) {
  location.hash = link(r)
}

/** The screen of the address bar, rendering again when it changes. */
export function useScreen(): Found {
  return routeOf(useAddress())
}
