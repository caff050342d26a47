import type { RefObject } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { onThemeChange } from '../theme.ts'

/** The width of an element in CSS pixels, as it changes; 0 before it is known. */
export function useWidth(target: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0)
  useEffect(() => {
    const el = target.current
    if (!el || typeof ResizeObserver === 'undefined') return
    const watch = new ResizeObserver(() => setWidth(Math.floor(el.clientWidth)))
    watch.observe(el)
    setWidth(Math.floor(el.clientWidth))
    return () => watch.disconnect()
  }, [])
  return width
}

/** Counts the changes of the appearance: what is drawn on a canvas is drawn anew. */
export function useColours(): number {
  const [n, count] = useState(0)
  useEffect(() => onThemeChange(() => count((x) => x + 1)), [])
  return n
}

/** A token's colour in the present appearance. */
export function colour(token: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(token).trim() || 'currentcolor'
}

/** The font of a plot's own words. */
export const plotFont = '12px system-ui, sans-serif'
