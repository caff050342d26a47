// @vitest-environment jsdom
import { expect, test } from 'vitest'
import { language, setLanguage } from '../src/language.ts'

test('speaks the language that is chosen in another tab, until another is chosen here', () => {
  setLanguage('en')
  const tell = (key: string, newValue: string | null) => dispatchEvent(new StorageEvent('storage', { key, newValue }))
  tell('medunion.language', 'es')
  expect(language()).toBe('es')
  expect(document.documentElement.lang).toBe('es')
  tell('another', 'en')
  expect(language()).toBe('es')
  setLanguage('en')
  expect(localStorage.getItem('medunion.language')).toBe('en')
  expect(document.documentElement.lang).toBe('en')
})
