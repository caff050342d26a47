import { useEffect, useState } from 'preact/hooks'
import { keepDraft, readDraft, type Draft } from '../logic/draft.ts'
import type { Recording } from '../logic/recording.ts'

/** A value of the page's memory that renders again whoever uses it. */
function shared<T>(value: T, keep: (v: T) => void = () => {}) {
  const watchers = new Set<() => void>()
  const set = (v: T) => {
    value = v
    keep(v)
    watchers.forEach((f) => f())
  }
  const useValue = (): T => {
    const [, render] = useState(0)
    useEffect(() => {
      const f = () => render((n) => n + 1)
      watchers.add(f)
      return () => void watchers.delete(f)
    }, [])
    return value
  }
  return { get: () => value, set, use: useValue }
}

export const draft = shared<Draft | undefined>(readDraft(sessionStorage), (d) => keepDraft(sessionStorage, d))

/** What was measured: in memory only. */
export const recordings = shared<readonly Recording[]>([], (list) => {
  const d = draft.get()
  if (d && d.files !== list.length) draft.set({ ...d, files: list.length })
})

/** The file that is being looked at before it is added. */
export const chosen = shared<Recording | undefined>(undefined)

export function change(part: Partial<Draft>): void {
  const d = draft.get()
  if (d) draft.set({ ...d, ...part })
}

/** Drops a visit in preparation. */
export function dropVisit(): void {
  recordings.set([])
  chosen.set(undefined)
  draft.set(undefined)
}
