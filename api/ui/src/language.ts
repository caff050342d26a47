import { useEffect, useState } from 'preact/hooks'

/** The languages that the pages speak. */
export const languages = ['en', 'es'] as const
export type Language = (typeof languages)[number]

/** Their names in themselves, for a switch. */
export const languageNames: Record<Language, string> = { en: 'English', es: 'Español' }

/** The locale whose dates and numbers go with a language. */
export const locales: Record<Language, string> = { en: 'en-GB', es: 'es-ES' }

const storageKey = 'medunion.language'
const listeners = new Set<() => void>()

function known(tag: string | null | undefined): Language | undefined {
  const primary = tag?.toLowerCase().split('-')[0]
  return languages.find((l) => l === primary)
}

// Storage may be forbidden by the browser's settings; the page works without.
function remembered(): string | null {
  try {
    return localStorage.getItem(storageKey)
  } catch {
    return null
  }
}

function preferred(): Language {
  const wanted = typeof navigator === 'undefined' ? [] : navigator.languages
  return known(remembered()) ?? wanted.map(known).find((l) => l !== undefined) ?? 'en'
}

let current: Language = preferred()
markDocument()
// What is chosen in another tab of the page holds here too.
if (typeof addEventListener === 'function') addEventListener('storage', (e) => e.key === storageKey && change(known(e.newValue)))

function markDocument() {
  if (typeof document !== 'undefined') document.documentElement.lang = current
}

/** The language of the page: what was chosen here before, else the browser's, else English. */
export function language(): Language {
  return current
}

/** Changes the page's language, remembers it, and renders who called useLanguage. */
export function setLanguage(l: Language) {
  if (l === current) return
  try {
    localStorage.setItem(storageKey, l)
  } catch {
    // Not remembered, see remembered.
  }
  change(l)
}

function change(l: Language = preferred()) {
  if (l === current) return
  current = l
  markDocument()
  listeners.forEach((f) => f())
}

/** The language, rendering again when it changes. Call it in the root component. */
export function useLanguage(): Language {
  const [, render] = useState(current)
  useEffect(() => {
    const changed = () => render(current)
    listeners.add(changed)
    changed()
    return () => void listeners.delete(changed)
  }, [])
  return current
}
