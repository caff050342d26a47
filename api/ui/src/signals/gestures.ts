import type { RefObject } from 'preact'
import { useEffect, useRef } from 'preact/hooks'

/** What gestures on a plot do, in pixels of the plot. */
export interface Gestures {
  /** Moves the view by so many pixels to the right. */
  pan: (px: number) => void
  /** Shows factor times as much (below 1: less), with the place at px staying. */
  zoom: (factor: number, px: number) => void
  reset: () => void
  /** The whole to the left (-1) or right (1) end. */
  end: (side: -1 | 1) => void
}

/**
 * Drag moves, two fingers or the wheel with Ctrl zoom, a horizontal wheel moves,
 * a double click goes back. The vertical wheel and finger scroll the page, and
 * so must be left alone: the element has touch-action pan-y.
 */
export function useGestures(target: RefObject<HTMLElement | null>, gestures: Gestures) {
  const now = useRef(gestures)
  now.current = gestures
  useEffect(() => {
    const el = target.current
    if (!el) return
    const fingers = new Map<number, number>()
    const at = (e: { clientX: number }) => e.clientX - el.getBoundingClientRect().left
    const down = (e: PointerEvent) => {
      if (e.button !== 0) return
      fingers.set(e.pointerId, at(e))
      el.setPointerCapture(e.pointerId)
    }
    const move = (e: PointerEvent) => {
      const before = fingers.get(e.pointerId)
      if (before === undefined) return
      const other = [...fingers].find(([id]) => id !== e.pointerId)?.[1]
      const x = at(e)
      fingers.set(e.pointerId, x)
      if (other === undefined) now.current.pan(before - x)
      else if (Math.abs(x - other) > 8) now.current.zoom(Math.abs(before - other) / Math.abs(x - other), (x + other) / 2)
    }
    const up = (e: PointerEvent) => fingers.delete(e.pointerId)
    const wheel = (e: WheelEvent) => {
      if (e.ctrlKey) now.current.zoom(Math.exp(Math.max(-50, Math.min(50, e.deltaY)) / 120), at(e))
      else if (Math.abs(e.deltaX) > Math.abs(e.deltaY)) now.current.pan(e.deltaX)
      else if (e.shiftKey) now.current.pan(e.deltaY)
      else return
      e.preventDefault()
    }
    const back = () => now.current.reset()
    const all = { pointerdown: down, pointermove: move, pointerup: up, pointercancel: up, dblclick: back }
    const listeners = Object.entries(all) as [string, (e: Event) => void][]
    for (const [name, f] of listeners) el.addEventListener(name, f)
    el.addEventListener('wheel', wheel, { passive: false })
    return () => {
      for (const [name, f] of listeners) el.removeEventListener(name, f)
      el.removeEventListener('wheel', wheel)
    }
  }, [])
}

/** The same by keys: arrows move a tenth (with Shift nearly all) of the width, + and - zoom, 0 goes back. */
export function plotKeys(g: Gestures, width: number): (e: KeyboardEvent) => void {
  return (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return
    const step = width * (e.shiftKey ? 0.9 : 0.1)
    const does: Record<string, () => void> = {
      ArrowLeft: () => g.pan(-step),
      ArrowRight: () => g.pan(step),
      PageUp: () => g.pan(-0.9 * width),
      PageDown: () => g.pan(0.9 * width),
      Home: () => g.end(-1),
      End: () => g.end(1),
      '+': () => g.zoom(1 / Math.SQRT2, width / 2),
      '=': () => g.zoom(1 / Math.SQRT2, width / 2),
      '-': () => g.zoom(Math.SQRT2, width / 2),
      '0': () => g.reset(),
    }
    const f = does[e.key]
    if (!f) return
    e.preventDefault()
    f()
  }
}
