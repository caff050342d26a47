import type { ComponentChildren } from 'preact'
import { useId, useLayoutEffect, useRef } from 'preact/hooks'

export interface Tab<K extends string = string> {
  key: K
  label: ComponentChildren
  /** How many things are inside, shown beside the label. */
  count?: number
}

export interface TabsProps<K extends string> {
  /** Names the set for screen readers. */
  label: string
  tabs: Tab<K>[]
  selected: K
  onSelect: (key: K) => void
  /** The selected tab's content. */
  children: ComponentChildren
}

/** Panels of which one shows. Arrow keys, Home and End move; the panel follows. */
export function Tabs<K extends string>({ label, tabs, selected, onSelect, children }: TabsProps<K>) {
  const id = useId()
  const list = useRef<HTMLDivElement>(null)
  useLayoutEffect(() => reveal(list.current, list.current?.querySelector<HTMLElement>('[aria-selected=true]')), [selected, tabs.length])
  const move = (e: KeyboardEvent) => {
    const next = target(e.key, tabs.findIndex((t) => t.key === selected), tabs.length)
    if (next === undefined) return
    e.preventDefault()
    onSelect(tabs[next]!.key)
    list.current?.querySelectorAll<HTMLElement>('[role=tab]')[next]?.focus()
  }
  return (
    <div class="mu-tabs">
      <div class="mu-tabs__list" role="tablist" aria-label={label} onKeyDown={move} ref={list}>
        {tabs.map((t) => (
          <button
            key={t.key}
            type="button"
            role="tab"
            id={`${id}-${t.key}`}
            class="mu-tabs__tab"
            aria-selected={t.key === selected ? 'true' : 'false'}
            aria-controls={t.key === selected ? `${id}-panel` : undefined}
            tabIndex={t.key === selected ? 0 : -1}
            onClick={() => onSelect(t.key)}
          >
            {t.label}
            {t.count !== undefined && <span class="mu-tabs__count"> {t.count}</span>}
          </button>
        ))}
      </div>
      <div class="mu-tabs__panel" role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${selected}`} tabIndex={0}>
        {children}
      </div>
    </div>
  )
}

// Scrolls the row of tabs, never the page.
function reveal(list: HTMLElement | null, tab: HTMLElement | null | undefined) {
  if (!list || !tab) return
  const [row, own] = [list.getBoundingClientRect(), tab.getBoundingClientRect()]
  if (own.left < row.left) list.scrollLeft -= row.left - own.left
  else if (own.right > row.right) list.scrollLeft += own.right - row.right
}

function target(key: string, at: number, count: number): number | undefined {
  switch (key) {
    case 'ArrowRight':
      return (at + 1) % count
    case 'ArrowLeft':
      return (at - 1 + count) % count
    case 'Home':
      return 0
    case 'End':
      return count - 1
    default:
      return undefined
  }
}
