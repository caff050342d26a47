import { Heading, Table, type Column } from '@medunion/ui'
import type { ComponentType } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { gravest } from '../read/observation'
import { observationOf, recorded, type Series } from '../select/series'
import { t } from '../texts'
import type { Component, Item } from '../types'
import { codeWords, statusWords } from '../words/status'
import { titleOf } from '../words/title'
import { observationRanges } from '../words/value'
import { ago, date } from '../words/when'
import { useChart } from './context'
import { FlagMark, OpenLink, SourceMark, ValueMark, Warnings } from './parts'
import { Recorded } from './Recorded'

/** One test: its values as a plot and as a table with their ranges, the newest first; of recordings, the newest as a plot. */
export function SeriesPanel({ series }: { series: Series }) {
  const { store } = useChart()
  const recording = series.items.find(recorded)
  return (
    <section class="rec-panel">
      <Heading level={2} size={3}>{titleOf(series.latest, store)}</Heading>
      <Plots series={series} />
      {recording && <Recorded key={recording.key} item={recording} />}
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
    { key: 'date', head: t('col.date'), cell: (i) => <Day item={i} />, sort: (i) => i.when?.at, rowHead: true },
    { key: 'value', head: t('col.value'), cell: (i) => <Value item={i} /> },
    { key: 'range', head: t('col.range'), cell: (i) => <Ranges item={i} /> },
    { key: 'source', head: t('col.source'), cell: (i) => <SourceMark hospital={i.hospital} />, sort: (i) => i.hospital },
  ]
}

function Day({ item }: { item: Item }) {
  const { now } = useChart()
  return <span class="rec-stacked"><OpenLink item={item}>{item.when ? date(item.when) : t('date.none')}</OpenLink>{item.when && <span class="rec-quiet">{ago(item.when, now)}</span>}</span>
}

function Value({ item }: { item: Item }) {
  const o = observationOf(item)
  if (!o) return null
  const parts = differing(o.components)
  const said = o.says.map((s) => codeWords('interpretation', s))
  return (
    <>
      <ValueMark observation={o} />
      {parts.map((c, i) => <div key={i} class="rec-quiet">{c.concept?.text}: <FlagMark flag={gravest(c.flags)} /></div>)}
      {said.length > 0 && <div>{said.join(', ')}</div>}
      {item.status && item.status !== 'final' && <div class="rec-quiet">{statusWords(item.status)}</div>}
      <Warnings item={item} />
      {o.notes.map((n, i) => <div key={i} class="rec-quiet"><bdi>{n}</bdi></div>)}
    </>
  )
}

/** The components that are not normal, if they are not all alike. */
function differing(all: readonly Component[]): readonly Component[] {
  const alike = new Set(all.map((c) => gravest(c.flags))).size < 2
  return alike ? [] : all.filter((c) => c.flags.some((f) => f !== 'normal'))
}

function Ranges({ item }: { item: Item }) {
  const o = observationOf(item)
  const all = o ? observationRanges(o) : []
  return all.length > 0 ? <>{all.map((w) => <div key={w}><bdi>{w}</bdi></div>)}</> : <span class="rec-quiet">{t('no.range')}</span>
}
