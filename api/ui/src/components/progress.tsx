import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { announce } from '../announce.ts'
import { formatDateTime, formatDuration, toDate, type When } from '../format.ts'
import { useLanguage } from '../language.ts'
import { word } from '../words.ts'
import { Icon, type IconName } from './Icon.tsx'
import { Tag, type Tone } from './show.tsx'

export interface Step {
  label: ComponentChildren
  state: 'done' | 'current' | 'waiting' | 'failed' | 'skipped'
  detail?: ComponentChildren
}

const stepIcons: Record<Step['state'], IconName | undefined> = { done: 'check', current: undefined, waiting: undefined, failed: 'cross', skipped: 'minus' }

/** The steps of some longer work, each with its state in words. */
export function Steps({ steps, label }: { steps: Step[]; label?: string }) {
  useLanguage()
  return (
    <ol class="mu-steps" aria-label={label}>
      {steps.map((s, i) => {
        const icon = stepIcons[s.state]
        return (
          <li key={i} class={`mu-steps__step mu-steps__step--${s.state}`} aria-current={s.state === 'current' ? 'step' : undefined}>
            <span class="mu-steps__mark" aria-hidden="true">{s.state === 'current' ? <span class="mu-spinner" /> : icon && <Icon name={icon} />}</span>
            <span class="mu-steps__text">
              <span class="mu-steps__label">{s.label}</span>
              <span class={s.state === 'failed' ? 'mu-steps__state' : 'mu-hidden'}> ({word(s.state)})</span>
              {s.detail && <span class="mu-steps__detail">{s.detail}</span>}
            </span>
          </li>
        )
      })}
    </ol>
  )
}

export interface ProgressProps {
  label: ComponentChildren
  /** Of max; without it, nobody knows how long it takes. */
  value?: number
  max?: number
  /** In words, beside the label: 3 of 9 pages. */
  detail?: ComponentChildren
}

/** How far some work is. */
export function Progress({ label, value, max = 1, detail }: ProgressProps) {
  const id = useId()
  return (
    <div class="mu-progress">
      <div class="mu-progress__words">
        <label for={id}>{label}</label>
        {detail && <span>{detail}</span>}
      </div>
      <progress id={id} value={value} max={max} />
    </div>
  )
}

/** Grey lines in place of what is being loaded. */
export function Skeleton({ lines = 3, label }: { lines?: number; label?: string }) {
  useLanguage()
  return (
    <div class="mu-skeleton" role="status">
      <span class="mu-hidden">{label ?? word('loading')}</span>
      {Array.from({ length: lines }, (_, i) => <div key={i} class="mu-skeleton__line" aria-hidden="true" />)}
    </div>
  )
}

/** Says that there is nothing here, and what to do about it. */
export function Empty({ icon, title, children }: { icon?: IconName; title: ComponentChildren; children?: ComponentChildren }) {
  return (
    <div class="mu-empty">
      {icon && <Icon name={icon} size={32} />}
      <p class="mu-heading mu-heading--4">{title}</p>
      {children}
    </div>
  )
}

export interface TimeLeftProps {
  until: When
  /** Puts the duration into words; without it, the duration alone. */
  words?: (left: string) => string
  /** Shown when the time is over. */
  ended: string
  /** Below this, in milliseconds, it is a warning and is said aloud once. */
  warnBelow?: number
  onEnd?: () => void
  /** Without the frame of a tag. */
  plain?: boolean
}

/** How much time is left, counting down. */
export function TimeLeft({ until, words = (x) => x, ended, warnBelow = 300_000, onEnd, plain }: TimeLeftProps) {
  useLanguage()
  const end = toDate(until)?.getTime() ?? 0
  const left = useTimeLeft(end)
  const said = useRef<Tone>('plain')
  const tone: Tone = left <= 0 ? 'bad' : left < warnBelow ? 'warn' : 'plain'
  const text = left <= 0 ? ended : words(formatDuration(left < 60_000 ? Math.ceil(left / 1000) * 1000 : Math.floor(left / 60_000) * 60_000))
  useEffect(() => {
    // What stood here from the beginning is read in its place, not announced.
    if (said.current !== 'plain' || tone !== 'plain') {
      if (said.current !== tone && mounted.current) announce(text, { urgent: tone === 'bad' })
    }
    said.current = tone
    if (tone === 'bad' && mounted.current) onEnd?.()
    mounted.current = true
  }, [tone])
  const mounted = useRef(false)
  const time = <time dateTime={new Date(end).toISOString()} title={formatDateTime(end)} class="mu-number">{text}</time>
  return plain ? time : <Tag tone={tone} icon="clock">{time}</Tag>
}

// Renders each second in the last minute, each minute before.
function useTimeLeft(end: number): number {
  const [, render] = useState(0)
  const left = end - Date.now()
  useEffect(() => {
    if (left <= 0) return
    const next = left <= 60_000 ? left % 1000 || 1000 : Math.min(left % 60_000 || 60_000, left - 60_000 || 1000)
    const timer = setTimeout(() => render((n) => n + 1), Math.min(next, 60_000) + 5)
    return () => clearTimeout(timer)
  })
  return left
}
