import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { Icon } from '@medunion/ui'
import { t } from './text.ts'

interface Props {
  title: string
  /** Where "Back" leads; without it there is none. */
  back?: string
  /** The same for steps that have no address of their own. */
  onBack?: () => void
  /** Of a visit in preparation: which of its four steps this is. */
  step?: number
  /** Uses the width of a large screen. */
  wide?: boolean
  children: ComponentChildren
}

const steps = 4
let first = true

/** One question or one list: its title takes the focus when it appears, so that it is read aloud. */
export function Screen({ title, back, onBack, step, wide, children }: Props) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    document.title = `${title} · ${t('app.name')}`
  }, [title])
  useEffect(() => {
    if (!first) heading.current?.focus({ preventScroll: true })
    first = false
    window.scrollTo(0, 0)
  }, [])
  return (
    <article class={`pp-screen${wide ? ' pp-screen--home' : ''}`}>
      {back !== undefined && (
        <a class="pp-back" href={back}>
          <Icon name="arrow-left" /> {t('app.back')}
        </a>
      )}
      {onBack !== undefined && (
        <button type="button" class="pp-back" onClick={onBack}>
          <Icon name="arrow-left" /> {t('app.back')}
        </button>
      )}
      {step !== undefined && <p class="pp-step">{t('visit.step', { step, of: steps })}</p>}
      <h1 class="mu-heading mu-heading--1" tabIndex={-1} ref={heading}>
        {title}
      </h1>
      {children}
    </article>
  )
}

/** What can be done here, the most important first. */
export function Actions({ children }: { children: ComponentChildren }) {
  return <div class="pp-actions">{children}</div>
}

/** Words that lead into a screen. */
export function Lead({ children }: { children: ComponentChildren }) {
  return <p class="pp-lead">{children}</p>
}
