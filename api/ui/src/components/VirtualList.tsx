import type { ComponentChildren } from 'preact'
import { useRef, useState } from 'preact/hooks'
import { useWindow } from '../window.ts'

export interface VirtualListProps<T> {
  items: readonly T[]
  render: (item: T, index: number) => ComponentChildren
  itemKey: (item: T, index: number) => string | number
  /** The rows' usual height in pixels; each is measured once it shows. */
  estimate?: number
  /** All rows have this height. */
  rowHeight?: number
  label: string
  /** The list scrolls in itself, at most so many pixels high; else with what is around it. */
  height?: number
}

/**
 * A list of thousands of items, of which only those in view are rendered.
 * Screen readers hear each item's place in the whole list.
 */
export function VirtualList<T>(props: VirtualListProps<T>) {
  const { items, render, itemKey, label, height } = props
  const list = useRef<HTMLUListElement>(null)
  const { from, to, above, below, before } = useWindow(list, items.length, props.rowHeight ?? props.estimate ?? 48)
  // The row that has the focus stays, wherever it is scrolled to: else the focus would be lost with it.
  const [focused, setFocused] = useState<number>()
  const kept = focused !== undefined && focused < items.length && (focused < from || focused >= to) ? focused : undefined
  // In one array, and in order: an element that is moved loses the focus, too.
  const shown = Array.from({ length: to - from }, (_, i) => from + i)
  if (kept !== undefined) shown.splice(kept < from ? 0 : shown.length, 0, kept)
  const row = (i: number, top?: number) => (
    <li
      key={itemKey(items[i]!, i)}
      data-row={i}
      aria-setsize={items.length}
      aria-posinset={i + 1}
      onFocusIn={() => setFocused(i)}
      onFocusOut={() => setFocused(undefined)}
      {...(top !== undefined && { class: 'mu-virtual__kept', style: { top: `${top}px` } })}
    >
      {render(items[i]!, i)}
    </li>
  )
  const rows = (
    <ul class="mu-virtual__rows" role="list" aria-label={label} ref={list} style={{ paddingTop: `${above}px`, paddingBottom: `${below}px` }}>
      {shown.map((i) => row(i, i === kept ? before(i) : undefined))}
    </ul>
  )
  if (height === undefined) return rows
  return (
    <div class="mu-virtual" role="region" aria-label={label} tabIndex={0} style={{ maxHeight: `${height}px` }}>
      {rows}
    </div>
  )
}
