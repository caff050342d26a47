import { Icon, Tag } from '@medunion/ui'
import type { ComponentChildren } from 'preact'
import type { When } from '../fhir/dates'
import { t } from '../texts'
import type { Flag, Item } from '../types'
import { flagWords } from '../words/status'
import { phrases } from '../words/phrases'
import { titleOf } from '../words/title'
import { ago, date, dayOf, signedAt } from '../words/when'
import { useChart } from './context'

/** Which hospital sent an item, and that its signature was verified. */
export function SourceMark({ hospital }: { hospital: string }) {
  const { store, now, hospital: name } = useChart()
  const source = store.source(hospital)
  if (!source) return null
  const text = t('signed', { hospital: name(hospital), time: signedAt(source.signed, now) })
  return (
    <span class="rec-source">
      <Icon name="shield" label={t('verified')} /> {text}
    </span>
  )
}

/** A date with its age. */
export function DateMark({ when, exact }: { when?: When | undefined; exact?: boolean }) {
  const { now } = useChart()
  if (!when) return <span class="rec-date rec-quiet">{t('date.none')}</span>
  return (
    <span class="rec-date">
      <time dateTime={when.written} title={date(when)}>{exact ? date(when) : dayOf(when)}</time> <span class="rec-quiet">{ago(when, now)}</span>
    </span>
  )
}

/** How a value stands to its range, by word and sign; the colour comes last. */
export function FlagMark({ flag }: { flag?: Flag | undefined }) {
  if (!flag) return null
  if (flag === 'normal') return <span class="rec-quiet">{flagWords(flag)}</span>
  const sign = flag.endsWith('high') ? '↑' : flag.endsWith('low') ? '↓' : '!'
  return (
    <Tag tone={flag.startsWith('critical') ? 'bad' : 'warn'}>
      <span aria-hidden="true">{flag.startsWith('critical') ? sign + sign : sign}</span> {flagWords(flag)}
    </Tag>
  )
}

/** An item's title, which opens its details. */
export function OpenLink({ item, children }: { item: Item; children?: ComponentChildren }) {
  const { store, open } = useChart()
  return (
    <button type="button" class={`rec-link${item.wrong ? ' rec-struck' : ''}`} onClick={() => open(item.key)}>
      {children ?? titleOf(item, store)}
    </button>
  )
}

/** What must be known of an item before it is read. */
export function Warnings({ item }: { item: Item }) {
  const { twins, hospital } = useChart()
  const others = twins.get(item.key)
  return (
    <>
      {item.wrong && <Tag tone="bad" icon>{t('wrong')}</Tag>}
      {item.facts.kind === 'plain' && item.facts.broken && <Tag tone="warn" icon>{t('broken')}</Tag>}
      {others && <Tag tone="info">{t('also', { hospitals: [...new Set(others.map((o) => hospital(o.hospital)))].join(', ') })}</Tag>}
    </>
  )
}

/** Phrases with a mark between them. */
export function Phrases({ words }: { words: readonly string[] }) {
  return (
    <>
      {words.map((w, i) => (
        <span key={i}>
          {i > 0 && <span class="rec-dot" aria-hidden="true"> · </span>}
          <bdi>{w}</bdi>
        </span>
      ))}
    </>
  )
}

/** One item as a line of a list. */
export function ItemRow({ item, lead, hideDate }: { item: Item; lead?: ComponentChildren; hideDate?: boolean }) {
  const { store, now } = useChart()
  return (
    <div class={`rec-row${item.wrong ? ' rec-row--wrong' : ''}`}>
      <div class="rec-row__main">
        <div class="rec-row__title">{lead}<OpenLink item={item} /> <Warnings item={item} /></div>
        <div class="rec-row__words"><Phrases words={phrases(item, store, now)} /></div>
      </div>
      <div class="rec-row__aside">
        {!hideDate && item.group !== 'people' && item.group !== 'patient' && <DateMark when={item.when} />}
        <SourceMark hospital={item.hospital} />
      </div>
    </div>
  )
}
