import type { ComponentChildren } from 'preact'
import { languageNames, languages, setLanguage, useLanguage, type Language } from '../language.ts'
import { setTheme, useTheme, type Theme } from '../theme.ts'
import { word } from '../words.ts'
import { Icon } from './Icon.tsx'

const contentId = 'content'

/** The first thing that Tab reaches: past the bar to the content. */
export function SkipLink({ children }: { children?: ComponentChildren }) {
  const skip = (e: Event) => {
    e.preventDefault()
    const content = document.getElementById(contentId)
    content?.focus()
    content?.scrollIntoView()
  }
  return <a class="mu-skip" href={`#${contentId}`} onClick={skip}>{children ?? word('skip')}</a>
}

export interface TopBarProps {
  name?: string
  /** Who works here, or the page's purpose. */
  about?: ComponentChildren
  /** States and switches at the right. */
  children?: ComponentChildren
  home?: string
}

export function TopBar({ name = 'medunion', about, children, home = '#/' }: TopBarProps) {
  return (
    <header class="mu-bar">
      <a class="mu-bar__name" href={home}>
        <Mark />
        <span>{name}</span>
      </a>
      {about && <div class="mu-bar__about">{about}</div>}
      {children && <div class="mu-bar__tools">{children}</div>}
    </header>
  )
}

// Two rings that share a part: what a patient lets a doctor see.
function Mark() {
  return (
    <svg class="mu-mark" viewBox="0 0 32 24" width="32" height="24" aria-hidden="true" focusable="false">
      <path class="mu-mark__both" d="M16 4.8a9 9 0 010 14.400a9 9 0 010-14.400z" />
      <circle class="mu-mark__one" cx="11" cy="12" r="9" />
      <circle class="mu-mark__two" cx="21" cy="12" r="9" />
    </svg>
  )
}

export interface PageShellProps {
  /** The TopBar. */
  bar: ComponentChildren
  /** Fills the screen in columns (clinical work); else one readable column. */
  wide?: boolean
  /** Navigation at the side of a wide page, with its name. */
  side?: ComponentChildren
  sideLabel?: string
  /** Stays at the top of the content of a wide page, such as the patient's banner. */
  banner?: ComponentChildren
  footer?: ComponentChildren
  children: ComponentChildren
}

/** The frame of a page: skip link, bar, navigation, content. */
export function PageShell({ bar, wide, side, sideLabel, banner, footer, children }: PageShellProps) {
  return (
    <div class={`mu-page${wide ? ' mu-page--wide' : ''}`}>
      <SkipLink />
      {bar}
      <div class={`mu-page__body${side ? ' mu-page__body--side' : ''}`}>
        {side && <nav class="mu-page__side" aria-label={sideLabel}>{side}</nav>}
        <main class="mu-page__column" id={contentId} tabIndex={-1}>
          {banner && <div class="mu-page__banner">{banner}</div>}
          <div class="mu-page__main">{children}</div>
        </main>
      </div>
      {footer && <footer class="mu-page__foot">{footer}</footer>}
    </div>
  )
}

/** Chooses light, dark or as the device says; remembered. */
export function ThemeSwitch() {
  useLanguage()
  const theme = useTheme()
  const names: Record<Theme, string> = { system: word('themeSystem'), light: word('themeLight'), dark: word('themeDark') }
  return (
    <label class="mu-switch mu-switch--theme" title={word('theme')}>
      <Icon name={theme === 'system' ? 'theme' : theme === 'dark' ? 'moon' : 'sun'} />
      <span class="mu-hidden">{word('theme')}</span>
      <select value={theme} onChange={(e) => setTheme(e.currentTarget.value as Theme)}>
        {(Object.keys(names) as Theme[]).map((t) => <option key={t} value={t} selected={t === theme}>{names[t]}</option>)}
      </select>
    </label>
  )
}

/** Chooses the language; remembered. */
export function LanguageSwitch() {
  const current = useLanguage()
  return (
    <label class="mu-switch">
      <Icon name="language" />
      <span class="mu-hidden">{word('language')}</span>
      <select value={current} onChange={(e) => setLanguage(e.currentTarget.value as Language)}>
        {languages.map((l) => <option key={l} value={l} lang={l} selected={l === current}>{languageNames[l]}</option>)}
      </select>
    </label>
  )
}
