import type {
  Approval, ApprovalRequest, Assertion, Card, Consent, Defaults, Diagnoses, Hospitals, Identity, NewPasskey,
  PasskeyChallenge, Profile, Releases, Revocation, Signals, Status, Use, Visit,
} from './types.ts'

/** What sort of failure a Problem is: the kinds of the agent, and two of the page's own. */
export type Kind =
  | 'invalid' | 'unauthenticated' | 'refused' | 'not-found' | 'conflict' | 'stale' | 'too-many' | 'too-large' | 'unavailable' | 'internal'
  | 'gone' // the agent on this device does not answer
  | 'page' // found by the page itself

/** Why something did not work. `code` chooses the words; `detail` is the technical sentence. */
export class Problem extends Error {
  constructor(readonly kind: Kind, readonly code: string, readonly detail: string, readonly retryAfter?: number) {
    super(detail)
  }
}

interface Document {
  type?: string
  detail?: string
  code?: string
  retryAfter?: number
}

const prefix = 'urn:medunion:problem:'

async function problem(answer: Response): Promise<Problem> {
  const d = (await answer.json().catch(() => ({}))) as Document
  const kind = (d.type?.startsWith(prefix) ? d.type.slice(prefix.length) : answer.status === 401 ? 'unauthenticated' : 'internal') as Kind
  return new Problem(kind, d.code ?? kind, `${answer.status}: ${d.detail ?? answer.statusText}`, d.retryAfter)
}

const listeners = new Set<(reachable: boolean) => void>()

/** Tells, after each call, whether the agent answered at all. */
export function onReachable(f: (reachable: boolean) => void): () => void {
  listeners.add(f)
  return () => void listeners.delete(f)
}

/**
 * Where the key of the page session lies: browsers send the cookie to all ports of this host, and keep
 * this storage to our port. Without the cookie the key opens nothing.
 */
const keyName = 'medunion.page'
const keyHeader = 'Page-Key'
let key: string | null = null

/** Read anew for each call: another tab may have opened a newer session, whose cookie is then ours too. */
function pageKey(): string | null {
  try {
    return localStorage.getItem(keyName) ?? key
  } catch {
    return key
  }
}

function keepPageKey(given: string | null): void {
  key = given
  try {
    if (given !== null) localStorage.setItem(keyName, given)
  } catch {
    // A forbidden storage only means that a reload needs the link again.
  }
}

async function ask(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const held = pageKey()
  let answer: Response
  try {
    answer = await fetch(path, {
      method,
      signal,
      credentials: 'same-origin',
      cache: 'no-store',
      headers: { ...(held !== null && { [keyHeader]: held }), ...(body !== undefined && { 'Content-Type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  } catch (e) {
    if (signal?.aborted) throw e
    listeners.forEach((f) => f(false))
    throw new Problem('gone', 'gone', String(e))
  }
  listeners.forEach((f) => f(true))
  if (!answer.ok) throw await problem(answer)
  return answer
}

async function call<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const answer = await ask(method, path, body, signal)
  return (answer.status === 204 ? undefined : await answer.json()) as T
}

const enc = encodeURIComponent

/** All of a list, which comes in pages. */
async function list<T>(path: string, take: (page: unknown) => T[]): Promise<T[]> {
  const out: T[] = []
  for (let next: string | undefined = ''; next !== undefined; ) {
    const page: { next?: string } = await call('GET', next === '' ? path : `${path}?cursor=${enc(next)}`)
    out.push(...take(page))
    next = page.next
  }
  return out
}

/** The agent's local API, one function for each operation that the page uses. */
export const agent = {
  openPage: async (token: string) => keepPageKey((await ask('POST', '/v1/page-sessions', { token })).headers.get(keyHeader)),
  status: () => call<Status>('GET', '/v1/status'),
  unlock: (q: { passphrase: string } | { prf: string }) => call<void>('POST', '/v1/unlock', q),
  lock: () => call<void>('POST', '/v1/lock'),
  challenge: () => call<PasskeyChallenge>('POST', '/v1/passkeys/challenges'),
  register: (q: { code: string; passphrase?: string; passkey?: NewPasskey }) => call<Identity>('POST', '/v1/registration', q),
  identity: () => call<Identity>('GET', '/v1/identity'),
  profile: () => call<Profile>('GET', '/v1/profile'),
  putProfile: (p: Profile) => call<Profile>('PUT', '/v1/profile', p),
  defaults: () => call<Defaults>('GET', '/v1/defaults'),
  hospitals: () => call<Hospitals>('GET', '/v1/hospitals'),
  enrol: (hospital: string, code: string) => call<void>('POST', `/v1/hospitals/${enc(hospital)}/enrolment`, { code }),
  card: (link: string) => call<Card>('POST', '/v1/cards', { link }),
  preview: (recordings: Signals[]) => call<object>('POST', '/v1/signals/preview', { recordings }),
  prepare: (q: ApprovalRequest) => call<Approval>('POST', '/v1/approvals', q),
  visit: (q: { approval: string } & ({ passphrase: string } | { assertion: Assertion })) => call<{ id: string }>('POST', '/v1/visits', q),
  visits: () => list('/v1/visits', (page) => (page as { visits: Visit[] }).visits),
  endVisit: (id: string) => call<Visit>('POST', `/v1/visits/${enc(id)}/end`),
  diagnoses: () => call<Diagnoses>('GET', '/v1/diagnoses'),
  consents: () => list('/v1/consents', (page) => (page as { consents: Consent[] }).consents),
  uses: async (consent: string) => (await call<{ uses: Use[] }>('GET', `/v1/consents/${enc(consent)}/uses`)).uses,
  revoke: (consent: string) => call<Revocation>('POST', `/v1/consents/${enc(consent)}/revocation`),
  releases: () => call<Releases>('GET', '/v1/releases'),
}
