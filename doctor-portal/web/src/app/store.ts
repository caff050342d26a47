import { createContext } from 'preact'
import { useContext, useEffect, useState } from 'preact/hooks'

/** Something that changes and tells who listens. */
export class Observable {
  private readonly listeners = new Set<() => void>()

  subscribe(f: () => void): () => void {
    this.listeners.add(f)
    return () => void this.listeners.delete(f)
  }

  protected changed() {
    this.listeners.forEach((f) => f())
  }
}

/** Renders again whenever s changes. */
export function useObservable<S extends Observable>(s: S): S {
  const [, render] = useState(0)
  useEffect(() => s.subscribe(() => render((n) => n + 1)), [s])
  return s
}

/** Makes a context that a part of the page must stand in. */
export function required<T>(name: string) {
  const context = createContext<T | undefined>(undefined)
  const use = (): T => {
    const value = useContext(context)
    if (value === undefined) throw new Error(`${name} is missing`)
    return value
  }
  return [context.Provider, use] as const
}
