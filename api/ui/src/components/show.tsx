import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { word } from '../words.ts'
import { Icon, type IconName } from './Icon.tsx'

/** A state's tone. It colours; the words say it. */
export type Tone = 'ok' | 'warn' | 'bad' | 'info' | 'plain'

const toneIcons: Record<Tone, IconName> = { ok: 'check', warn: 'warning', bad: 'stop', info: 'info', plain: 'info' }

/** A short state in words. */
export function Tag({ tone = 'plain', icon, children }: { tone?: Tone; icon?: IconName | true; children: ComponentChildren }) {
  const name = icon === true ? toneIcons[tone] : icon
  return (
    <span class={`mu-tag mu-tone-${tone}`}>
      {name && <Icon name={name} />}
      {children}
    </span>
  )
}

export type Level = 1 | 2 | 3 | 4

/** A heading of a level whose size may differ from its level. */
export function Heading({ level, size, children, id }: { level: Level; size?: Level; children: ComponentChildren; id?: string }) {
  const H = `h${level}` as 'h1'
  return <H class={`mu-heading mu-heading--${size ?? level}`} id={id}>{children}</H>
}

export interface CardProps {
  title?: ComponentChildren
  /** Of the title, by the page's outline. */
  level?: Level
  /** Beside the title: a tag, a button. */
  aside?: ComponentChildren
  /** Less space around, for panels of a dense page. */
  dense?: boolean
  children?: ComponentChildren
  footer?: ComponentChildren
  /** Makes the whole card lead there; title must be given. */
  href?: string
}

/** A framed part of the page. */
export function Card({ title, level = 2, aside, dense, children, footer, href }: CardProps) {
  return (
    <section class={`mu-card${dense ? ' mu-card--dense' : ''}${href ? ' mu-card--link' : ''}`}>
      {(title || aside) && (
        <header class="mu-card__head">
          {title && <Heading level={level} size={dense ? 4 : 3}>{href ? <a href={href}>{title}</a> : title}</Heading>}
          {aside && <div class="mu-card__aside">{aside}</div>}
        </header>
      )}
      {children !== undefined && <div class="mu-card__body">{children}</div>}
      {footer && <footer class="mu-card__foot">{footer}</footer>}
    </section>
  )
}

export interface CalloutProps {
  tone: Tone
  title: ComponentChildren
  level?: Level
  children?: ComponentChildren
  /** Spoken at once when it appears: for what went wrong just now. */
  urgent?: boolean
}

/** What the reader must know, in the place that it concerns. */
export function Callout({ tone, title, level, children, urgent }: CalloutProps) {
  const content = (
    <>
      <Icon name={toneIcons[tone]} />
      <span>{title}</span>
    </>
  )
  return (
    <div class={`mu-callout mu-tone-${tone}`} role={urgent ? 'alert' : undefined}>
      {level ? <Heading level={level} size={4}>{content}</Heading> : <p class="mu-heading mu-heading--4">{content}</p>}
      {children !== undefined && <div class="mu-callout__body">{children}</div>}
    </div>
  )
}

/** Secondary content, one click away. */
export function Details({ summary, open, children }: { summary: ComponentChildren; open?: boolean; children: ComponentChildren }) {
  return (
    <details class="mu-details" open={open}>
      <summary>
        <Icon name="chevron-right" />
        <span>{summary}</span>
      </summary>
      <div class="mu-details__body">{children}</div>
    </details>
  )
}

export interface SummaryRow {
  key: ComponentChildren
  value: ComponentChildren
  action?: ComponentChildren
}

/** Names with their values. Rows whose value is undefined are left out. */
export function SummaryList({ rows, dense }: { rows: (SummaryRow | false | undefined)[]; dense?: boolean }) {
  const shown = rows.filter((r): r is SummaryRow => !!r && r.value !== undefined)
  return (
    <dl class={`mu-summary${dense ? ' mu-summary--dense' : ''}`}>
      {shown.map((r, i) => (
        <div class="mu-summary__row" key={i}>
          <dt>{r.key}</dt>
          <dd>{r.value}</dd>
          {r.action && <dd class="mu-summary__action">{r.action}</dd>}
        </div>
      ))}
    </dl>
  )
}

export interface ErrorSummaryProps {
  title?: ComponentChildren
  /** Each with the id of the field that it is about. */
  errors: { id?: string; text: ComponentChildren }[]
}

/** All that is wrong with a form. It takes the focus when it appears. */
export function ErrorSummary({ title, errors }: ErrorSummaryProps) {
  const box = useRef<HTMLDivElement>(null)
  const count = errors.length
  useEffect(() => {
    if (count > 0) box.current?.focus()
  }, [count])
  if (count === 0) return null
  return (
    <div class="mu-errors" role="alert" tabIndex={-1} ref={box}>
      <h2 class="mu-heading mu-heading--3">{title ?? word('errorSummary')}</h2>
        <ul class="mu-errors__list">
          {errors.map((e, i) => (
            <li key={i}>{e.id ? <a href={`#${e.id}`} onClick={(ev) => focusField(ev, e.id!)}>{e.text}</a> : e.text}</li>
          ))}
        </ul>
    </div>
  )
}

// The fragment belongs to the router, so the link moves the focus itself.
function focusField(event: Event, id: string) {
  event.preventDefault()
  const field = document.getElementById(id)
  const target = field?.matches('fieldset') ? field.querySelector<HTMLElement>('input') : field
  target?.focus()
  target?.scrollIntoView({ block: 'center' })
}
