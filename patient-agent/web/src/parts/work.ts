import { useState } from 'preact/hooks'
import type { Problem } from '../api/client.ts'
import { asProblem } from './trouble.tsx'

/** One thing that a button does: whether it is under way, and what went wrong. */
export interface Work {
  busy: boolean
  problem?: Problem
  /** Does it, unless it is under way; true if it succeeded. */
  run: (f: () => Promise<void>) => Promise<boolean>
  clear: () => void
}

export function useWork(): Work {
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<Problem>()
  const run = async (f: () => Promise<void>) => {
    if (busy) return false
    setBusy(true)
    setProblem(undefined)
    try {
      await f()
      return true
    } catch (e) {
      setProblem(asProblem(e))
      return false
    } finally {
      setBusy(false)
    }
  }
  return { busy, problem, run, clear: () => setProblem(undefined) }
}
