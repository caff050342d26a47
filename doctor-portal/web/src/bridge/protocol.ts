import type { Loading, PageConfig, Practice, PracticeEvent, Problem } from './practice.d.ts'

/** A method of the practice. */
export type Method = keyof Practice

/** What the page sends to its Worker. */
export interface Call {
  id: number
  method: Method
  args: unknown[]
}

/** What the Worker sends to its page. */
export type Report =
  | { type: 'loading'; loading: Loading }
  | { type: 'ready'; config: PageConfig }
  | { type: 'failed'; problem: Problem }
  | { type: 'done'; id: number; value?: unknown; problem?: Problem }
  | { type: 'event'; event: PracticeEvent }

/** All methods; the type checker knows of each that is missing here. */
export const methods = Object.keys({
  status: 0, create: 0, unlock: 0, addOpener: 0, removeOpener: 0, lock: 0, exportStore: 0, importStore: 0, doctor: 0,
  requestCertificate: 0, setCertificate: 0, register: 0, card: 0, directory: 0, departments: 0, classes: 0, visits: 0, visit: 0,
  open: 0, close: 0, signals: 0, fetch: 0, cancel: 0, records: 0, preview: 0, sign: 0, resend: 0, evidence: 0, evidenceFile: 0,
  earlierVisits: 0,
} satisfies Record<Method, 0>) as Method[]

/** An error of the bridge itself, in the form of all others. */
export function problem(kind: Problem['kind'], code: string, detail: string): Problem {
  return { kind, code, detail }
}

/** Takes whatever was thrown; what is no Problem becomes one of the kind and code given. */
export function asProblem(e: unknown, kind: Problem['kind'], code: string): Problem {
  const p = e as Partial<Problem> | undefined
  if (typeof p?.kind === 'string' && typeof p.detail === 'string') return p as Problem
  return problem(kind, code, e instanceof Error ? `${e.name}: ${e.message}` : String(e))
}
