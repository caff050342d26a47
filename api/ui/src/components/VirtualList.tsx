import type { ComponentChildren } from 'preact'
import { useRef } from 'preact/hooks'
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
  const { from, to, above, below } = useWindow(list, items.length, props.rowHeight ?? props.estimate ?? 48)
  const rows = (
    <ul class="mu-virtual__rows" role="list" aria-label={label} ref={list} style={{ paddingTop: `${above}px`, paddingBottom: `${below}px` }}>
      {items.slice(from, to).map((item, i) => (
        <li key={itemKey(item, from + i)} data-row={from + i} aria-setsize={items.length} aria-posinset={from + i + 1}>
          {render(item, from + i)}
        </li>
      ))}
    </ul>
  )
  if (height === undefined) return rows
  return (
    <div class="mu-virtual" role="region" aria-label={label} tabIndex={0} style={{ maxHeight: `${height}px` }}>
      {rows}
    </div>
  )
}
