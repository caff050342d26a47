import { useEffect, useRef, useState } from 'preact/hooks'
import { asProblem, type Trouble } from './problems.ts'

export interface Work {
  busy: boolean
  trouble: Trouble | undefined
  /** Does it, unless something is being done already; resolves to whether it succeeded. */
  run: (action: () => Promise<unknown>) => Promise<boolean>
  /** Shows what went wrong elsewhere, or takes it away. */
  say: (t: Trouble | undefined) => void
}

/** One thing at a time that takes time and may fail. */
export function useWork(): Work {
  const [state, set] = useState<{ busy: boolean; trouble?: Trouble | undefined }>({ busy: false })
  const busy = useRef(false)
  const alive = useAlive()
  const show = (s: typeof state) => alive.current && set(s)
  const run = async (action: () => Promise<unknown>) => {
    if (busy.current) return false
    busy.current = true
    show({ busy: true })
    try {
      await action()
      show({ busy: false })
      return true
    } catch (e) {
      show({ busy: false, trouble: asProblem(e) })
      return false
    } finally {
      busy.current = false
    }
  }
  return { busy: state.busy, trouble: state.trouble, run, say: (trouble) => show({ busy: busy.current, trouble }) }
}

/** Whether the component still stands. */
export function useAlive() {
  const alive = useRef(true)
  useEffect(() => {
    alive.current = true
    return () => void (alive.current = false)
  }, [])
  return alive
}

export interface Loaded<T> {
  value?: T
  trouble?: Trouble
  again: () => void
}

/** Loads something when the component appears and when a key changes. */
export function useLoad<T>(load: () => Promise<T>, keys: readonly unknown[]): Loaded<T> {
  const [state, set] = useState<{ value?: T; trouble?: Trouble }>({})
  const [turn, next] = useState(0)
  useEffect(() => {
    let current = true
    load().then((value) => current && set({ value }), (e: unknown) => current && set((s) => ({ ...s, trouble: asProblem(e) })))
    return () => void (current = false)
  }, [...keys, turn])
  return { ...state, again: () => next(turn + 1) }
}

/**
 * Puts the focus at the top of the content when one screen took the place of another
 * without a change of the address, unless the new screen has put it somewhere.
 */
export function useFocusOn(screen: string) {
  const last = useRef(screen)
  useEffect(() => {
    if (last.current !== screen && (document.activeElement ?? document.body) === document.body) document.getElementById('content')?.focus()
    last.current = screen
  }, [screen])
}

/** The time, moving on every so many milliseconds. */
export function useNow(every: number): number {
  const [now, set] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => set(Date.now()), every)
    return () => clearInterval(timer)
  }, [every])
  return now
}

/** Puts the focus on the first field that a form has just called wrong. */
export function focusWrong(form: EventTarget | null) {
  requestAnimationFrame(() => (form as HTMLElement | null)?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus())
}
