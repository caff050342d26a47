import { useEffect, useState } from 'preact/hooks'

export type Theme = 'system' | 'light' | 'dark'

const storageKey = 'medunion.theme'
const listeners = new Set<() => void>()
let current: Theme = remembered()
mark()

// Storage may be forbidden by the browser's settings; the page works without.
function remembered(): Theme {
  try {
    const t = localStorage.getItem(storageKey)
    return t === 'light' || t === 'dark' ? t : 'system'
  } catch {
    return 'system'
  }
}

function mark() {
  if (typeof document === 'undefined') return
  if (current === 'system') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = current
}

export function theme(): Theme {
  return current
}

/** Changes the appearance and remembers it. */
export function setTheme(t: Theme) {
  current = t
  try {
    localStorage.setItem(storageKey, t)
  } catch {
    // Not remembered, see remembered.
  }
  mark()
  listeners.forEach((f) => f())
}

/** The choice, rendering again when it changes. */
export function useTheme(): Theme {
  const [, render] = useState(current)
  useEffect(() => onThemeChange(() => render(current)), [])
  return current
}

/** Calls f when the colours change, by choice or by the device; returns how to stop. For what is drawn on a canvas. */
export function onThemeChange(f: () => void): () => void {
  const device = typeof matchMedia === 'function' ? matchMedia('(prefers-color-scheme: dark)') : undefined
  listeners.add(f)
  device?.addEventListener('change', f)
  return () => {
    listeners.delete(f)
    device?.removeEventListener('change', f)
  }
}
