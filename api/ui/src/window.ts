import type { RefObject } from 'preact'
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import { Heights } from './heights.ts'

export interface Windowed {
  from: number
  to: number
  /** The space, in pixels, that the rows left out take before and after. */
  above: number
  below: number
  /** The space before any row. */
  before: (row: number) => number
}

const passes = 12 // measurings in one frame; where a row's height depends on the scroll bar, they would never end
const more = 6 // rows kept ready at both ends, so that Tab and a fast wheel find them

/**
 * Which rows of a long list are in view, wherever it scrolls: in itself, in an
 * ancestor or with the page. Rows carry data-row with their number and are
 * measured after each rendering.
 */
export function useWindow(list: RefObject<HTMLElement | null>, count: number, estimate: number): Windowed {
  const heights = useMemo(() => new Heights(count, estimate), [count, estimate])
  const [[from, to], setWindow] = useState<[number, number]>(() => heights.window(0, 800, more))
  const [, remeasured] = useState(0)
  const look = useRef(() => {})
  look.current = () => {
    const box = list.current
    if (!box) return
    const next = heights.window(...visible(box), more)
    setWindow((old) => (old[0] === next[0] && old[1] === next[1] ? old : next))
  }
  const done = useRef(0)
  useLayoutEffect(() => {
    if (done.current === 0) requestAnimationFrame(() => (done.current = 0))
    if (++done.current > passes) return
    const rows = list.current?.querySelectorAll<HTMLElement>('[data-row]') ?? []
    const changed = [...rows].filter((r) => r.offsetHeight > 0 && heights.set(Number(r.dataset['row']), r.getBoundingClientRect().height))
    if (changed.length > 0) remeasured((n) => n + 1)
    look.current()
  })
  useEffect(() => {
    let frame = 0
    const later = () => {
      frame ||= requestAnimationFrame(() => {
        frame = 0
        look.current()
      })
    }
    const options = { capture: true, passive: true }
    document.addEventListener('scroll', later, options)
    addEventListener('resize', later)
    return () => {
      cancelAnimationFrame(frame)
      document.removeEventListener('scroll', later, options)
      removeEventListener('resize', later)
    }
  }, [])
  const last = Math.min(to, count)
  const first = Math.min(from, last)
  return { from: first, to: last, above: heights.before(first), below: heights.total - heights.before(last), before: (row) => heights.before(row) }
}

/** How far the view is below the list's top, and its height: the window's, cut by the ancestor that scrolls. */
function visible(list: HTMLElement): [top: number, height: number] {
  let [top, bottom] = [0, innerHeight]
  const scroller = scrollParent(list)
  if (scroller) {
    const r = scroller.getBoundingClientRect()
    ;[top, bottom] = [Math.max(top, r.top), Math.min(bottom, r.bottom)]
  }
  const start = list.getBoundingClientRect().top
  return [Math.max(0, top - start), Math.max(0, bottom - Math.max(top, start))]
}

function scrollParent(e: HTMLElement): HTMLElement | undefined {
  for (let p: HTMLElement | null = e.parentElement; p && p !== document.body; p = p.parentElement) {
    if (/auto|scroll/.test(getComputedStyle(p).overflowY)) return p
  }
  return undefined
}
