import { useEffect, useState } from 'preact/hooks'
import { agent, Problem } from './client.ts'
import type { Topic } from './events.ts'

/**
 * What the page shows is the agent's; here it is remembered while the page is open, so that going back is
 * immediate. Nothing of it is ever written to the browser's storage.
 */
const sources = {
  status: { load: agent.status, on: ['status'] },
  identity: { load: agent.identity, on: ['status'] },
  profile: { load: agent.profile, on: ['status'] },
  defaults: { load: agent.defaults, on: [] },
  hospitals: { load: agent.hospitals, on: [] },
  visits: { load: agent.visits, on: ['visits', 'consents'] },
  diagnoses: { load: agent.diagnoses, on: ['visits'] },
  consents: { load: agent.consents, on: ['consents', 'visits'] },
  releases: { load: agent.releases, on: ['consents'] },
} as const satisfies Record<string, { load: () => Promise<unknown>; on: readonly Topic[] }>

export type Name = keyof typeof sources
type Value<N extends Name> = Awaited<ReturnType<(typeof sources)[N]['load']>>

export interface Loaded<T> {
  value?: T
  problem?: Problem
  loading: boolean
  reload: () => void
}

interface Entry {
  value?: unknown
  problem?: Problem
  running?: Promise<void>
  /** Asked for again while it was under way. */
  again?: boolean
  fresh: boolean
}

const entries = new Map<Name, Entry>()
const watchers = new Map<Name, Set<() => void>>()
let generation = 0

const entry = (n: Name): Entry => entries.get(n) ?? entries.set(n, { fresh: false }).get(n)!
const tell = (n: Name) => watchers.get(n)?.forEach((f) => f())

/** Asks the agent again; a second wish while one is under way is granted once it ended. */
export async function reload(n: Name): Promise<void> {
  const e = entry(n)
  if (e.running) {
    e.again = true
    return e.running
  }
  e.running = run(n, e)
  tell(n)
  await e.running
}

async function run(n: Name, e: Entry): Promise<void> {
  const mine = generation
  // The status outlives a lock: forgetting must not leave it under way for ever.
  const forgotten = () => mine !== generation && n !== 'status'
  do {
    e.again = false
    try {
      const value = await sources[n].load()
      if (forgotten()) return
      e.value = value
      e.problem = undefined
      e.fresh = true
    } catch (x) {
      if (forgotten()) return
      e.problem = x instanceof Problem ? x : new Problem('internal', 'internal', String(x))
      // Closed or locked meanwhile, and the event that told of it was missed.
      if (n !== 'status' && (e.problem.kind === 'unauthenticated' || e.problem.code === 'store-locked')) void reload('status')
    }
  } while (e.again)
  e.running = undefined
  tell(n)
}

/** Marks as old what a topic concerns, and asks again for what is on the screen. */
export function touched(t: Topic): void {
  for (const n of Object.keys(sources) as Name[]) {
    if ((sources[n].on as readonly Topic[]).includes(t)) stale(n)
  }
}

export function stale(n: Name): void {
  entry(n).fresh = false
  if ((watchers.get(n)?.size ?? 0) > 0) void reload(n)
}

/** Puts a value that the agent has just returned where the screens see it. */
export function put<N extends Name>(n: N, value: Value<N>): void {
  Object.assign(entry(n), { value, problem: undefined, fresh: true })
  tell(n)
}

/** Forgets everything, when the store is locked. */
export function forget(): void {
  generation++
  for (const n of entries.keys()) if (n !== 'status') entries.delete(n)
}

/** A part of the agent's state, loaded when first shown and again when it has changed. */
export function use<N extends Name>(n: N): Loaded<Value<N>> {
  const [, render] = useState(0)
  useEffect(() => {
    const f = () => render((x) => x + 1)
    const set = watchers.get(n) ?? watchers.set(n, new Set()).get(n)!
    set.add(f)
    const e = entry(n)
    if (!e.fresh && !e.running) void reload(n)
    else f()
    return () => void set.delete(f)
  }, [n])
  const e = entry(n)
  return { value: e.value as Value<N> | undefined, problem: e.problem, loading: e.running !== undefined, reload: () => void reload(n) }
}

/** Loads again what is on the screen after the connection came back. */
export function reconnected(): void {
  for (const n of Object.keys(sources) as Name[]) if ((watchers.get(n)?.size ?? 0) > 0) void reload(n)
}
