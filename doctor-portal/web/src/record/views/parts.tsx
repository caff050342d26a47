import { Icon, Tag } from '@medunion/ui'
import type { ComponentChildren } from 'preact'
import type { When } from '../fhir/dates'
import { t } from '../texts'
import { flagsOf, gravest } from '../read/observation'
import type { Flag, Item, Observation } from '../types'
import { flagWords } from '../words/status'
import { phrases } from '../words/phrases'
import { titleOf } from '../words/title'
import { observationWords } from '../words/value'
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

/** A date with its age, after a word that says whose date it is. */
export function DateMark({ when, exact, label }: { when?: When | undefined; exact?: boolean; label?: string | undefined }) {
  const { now } = useChart()
  if (!when) return <span class="rec-date rec-quiet">{t('date.none')}</span>
  return (
    <span class="rec-date">
      {label && <span class="rec-quiet">{label} </span>}
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

/** The value of an observation with its assessment: heavy if it is not normal. */
export function ValueMark({ observation: o, strong }: { observation: Observation; strong?: boolean }) {
  const flag = gravest(flagsOf(o))
  const odd = flag !== undefined && flag !== 'normal'
  const words = <bdi>{observationWords(o)}</bdi>
  return <>{strong || odd ? <strong>{words}</strong> : words}{odd && <> <FlagMark flag={flag} /></>}</>
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

/** Phrases, with a mark between them that the style sheet draws. */
export function Phrases({ words }: { words: readonly string[] }) {
  return <>{words.map((w, i) => <bdi key={i} class="rec-phrase">{i > 0 ? ' ' : ''}{w}</bdi>)}</>
}

/** What an item says below its title; of an observation the value first. */
export function Said({ item, most }: { item: Item; most?: number }) {
  const { store, now } = useChart()
  const words = phrases(item, store, now).slice(0, most)
  const o = item.facts.kind === 'observation' ? item.facts : undefined
  if (!o) return <Phrases words={words} />
  return <><bdi class="rec-phrase"><ValueMark observation={o} strong /></bdi>{words.length > 1 && ' '}<Phrases words={words.slice(1)} /></>
}

/** A problem has two dates, of which only one is its beginning. */
function dateLabel(i: Item): string | undefined {
  return i.facts.kind === 'problem' ? t(i.facts.onset?.when ? 'date.since' : 'date.recorded') : undefined
}

/** One item as a line of a list. */
export function ItemRow({ item, lead, hideDate }: { item: Item; lead?: ComponentChildren; hideDate?: boolean }) {
  return (
    <div class={`rec-row${item.wrong ? ' rec-row--wrong' : ''}`}>
      <div class="rec-row__main">
        <div class="rec-row__title">{lead}<OpenLink item={item} /> <Warnings item={item} /></div>
        <div class="rec-row__words"><Said item={item} /></div>
      </div>
      <div class="rec-row__aside">
        {!hideDate && item.group !== 'people' && item.group !== 'patient' && <DateMark when={item.when} label={dateLabel(item)} />}
        <SourceMark hospital={item.hospital} />
      </div>
    </div>
  )
}
