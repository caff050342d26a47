import { Heading, Table, type Column } from '@medunion/ui'
import type { ComponentType } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { normal } from '../fhir/value'
import { flagsOf, gravest } from '../read/observation'
import { observationOf, type Series } from '../select/series'
import { t } from '../texts'
import type { Item } from '../types'
import { codeWords, statusWords } from '../words/status'
import { observationWords, rangeWords } from '../words/value'
import { DateMark, FlagMark, OpenLink, SourceMark, Warnings } from './parts'

/** One test: its values as a plot and as a table with their ranges, the newest first. */
export function SeriesPanel({ series }: { series: Series }) {
  return (
    <section class="rec-panel">
      <Heading level={2} size={3}>{series.title}</Heading>
      <Plots series={series} />
      <Table caption={t('results.values', { count: series.items.length })} columns={columns()} rows={series.items} rowKey={(i) => i.key} dense sorted={{ by: 'date', descending: true }} />
    </section>
  )
}

type PlotsProps = { series: Series }

/** The plots, whose library is loaded when somebody looks at the first one. */
function Plots(props: PlotsProps) {
  const [Loaded, setLoaded] = useState<ComponentType<PlotsProps>>()
  useEffect(() => void import('./Plots').then((m) => setLoaded(() => m.Plots)), [])
  return Loaded ? <Loaded {...props} /> : null
}

function columns(): Column<Item>[] {
  return [
    { key: 'date', head: t('col.date'), cell: (i) => <OpenLink item={i}><DateMark when={i.when} exact /></OpenLink>, sort: (i) => i.when?.at, rowHead: true },
    { key: 'value', head: t('col.value'), cell: (i) => <Value item={i} /> },
    { key: 'flag', head: t('col.flag'), cell: (i) => <Flags item={i} /> },
    { key: 'range', head: t('col.range'), cell: (i) => <Ranges item={i} /> },
    { key: 'source', head: t('col.source'), cell: (i) => <SourceMark hospital={i.hospital} />, sort: (i) => i.hospital },
  ]
}

function Value({ item }: { item: Item }) {
  const o = observationOf(item)
  const flag = o && gravest(flagsOf(o))
  const words = o ? observationWords(o) : ''
  return (
    <>
      {flag && flag !== 'normal' ? <strong><bdi>{words}</bdi></strong> : <bdi>{words}</bdi>}
      {item.status && item.status !== 'final' && <span class="rec-quiet"> {statusWords(item.status)}</span>} <Warnings item={item} />
    </>
  )
}

/** What the hospital says of the value and of its components. */
function Flags({ item }: { item: Item }) {
  const o = observationOf(item)
  if (!o) return null
  const parts = o.components.filter((c) => c.flags.length > 0)
  return (
    <>
      <FlagMark flag={gravest(o.flags)} /> {o.says.map(codeWords).join(', ')}
      {parts.map((c, i) => <div key={i}>{c.concept?.text}: <FlagMark flag={gravest(c.flags)} /></div>)}
    </>
  )
}

function Ranges({ item }: { item: Item }) {
  const o = observationOf(item)
  if (!o) return null
  const own = rangeWords(normal(o.ranges))
  const parts = o.components.flatMap((c) => {
    const words = rangeWords(normal(c.ranges))
    return words ? [`${c.concept?.text ?? ''}: ${words}`] : []
  })
  const all = own ? [own, ...parts] : parts
  return all.length > 0 ? <>{all.map((w) => <div key={w}><bdi>{w}</bdi></div>)}</> : <span class="rec-quiet">{t('no.range')}</span>
}
