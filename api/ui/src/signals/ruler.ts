import { useEffect, useState } from 'preact/hooks'

/** CSS has 96 pixels to the inch; few screens keep to it. */
export const usualPxPerMm = 96 / 25.4

const storageKey = 'medunion.pxPerMm'
const listeners = new Set<() => void>()
let current = remembered()

function remembered(): number {
  try {
    const n = Number(localStorage.getItem(storageKey))
    return n >= 1 && n <= 20 ? n : usualPxPerMm
  } catch {
    return usualPxPerMm
  }
}

/** CSS pixels in a millimetre of this screen, as its user measured them. */
export function pxPerMm(): number {
  return current
}

/** Remembers the measured ruler; undefined goes back to the usual one. */
export function setPxPerMm(n: number | undefined) {
  current = n ?? usualPxPerMm
  try {
    if (n === undefined) localStorage.removeItem(storageKey)
    else localStorage.setItem(storageKey, String(n))
  } catch {
    // Storage may be forbidden; then it holds for this visit.
  }
  listeners.forEach((f) => f())
}

/** The ruler, rendering again when it is set. */
export function usePxPerMm(): number {
  const [, render] = useState(current)
  useEffect(() => {
    const changed = () => render(current)
    listeners.add(changed)
    return () => void listeners.delete(changed)
  }, [])
  return current
}
