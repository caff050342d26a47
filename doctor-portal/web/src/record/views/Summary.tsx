import { Button, Card, Details as More } from '@medunion/ui'
import { Sparkline } from '@medunion/ui/signals'
import type { ComponentChildren } from 'preact'
import { useMemo } from 'preact/hooks'
import { activeFirst, everything, inGroup, sorted, type Filter } from '../select/filter'
import { observationOf, seriesOf, type Series } from '../select/series'
import { t } from '../texts'
import type { Allergy, Group, Item } from '../types'
import { useChart } from './context'
import { DateMark, ItemRow, OpenLink, SourceMark, ValueMark, Warnings } from './parts'

interface Props {
  items: readonly Item[]
  lead?: ComponentChildren
  onTab: (tab: string) => void
  onFilter: (f: Filter) => void
}

/** What a doctor asks first: what is wrong, what is dangerous, what is taken, what was measured. */
export function Summary({ items, lead, onTab, onFilter }: Props) {
  const all = (...groups: Group[]) => () => {
    onFilter({ ...everything, groups: new Set(groups) })
    onTab('all')
  }
  return (
    <>
      {lead && <div class="rec-lead">{lead}</div>}
      <div class="rec-summary">
        <div class="rec-summary__column">
          <Problems items={items} />
          <Medicines items={items} onAll={() => onTab('medication')} />
          <Latest title={t('summary.encounters')} items={inGroup(items, 'encounter')} count={5} onAll={() => onTab('timeline')} />
          <Latest title={t('group.plan')} items={activeFirst(inGroup(items, 'plan'))} count={4} onAll={all('plan')} ordered />
        </div>
        <div class="rec-summary__column">
          <Allergies items={items} />
          <Vitals items={items} onAll={() => onTab('results')} />
          <Abnormal items={items} onAll={() => onTab('results')} />
          <Latest title={t('group.immunization')} items={inGroup(items, 'immunization')} count={5} onAll={all('immunization')} />
          <Latest title={t('group.procedure')} items={inGroup(items, 'procedure')} count={5} onAll={all('procedure')} />
        </div>
      </div>
    </>
  )
}

function AllButton({ count, shown, onAll }: { count: number; shown: number; onAll: () => void }) {
  return count > shown ? <Button kind="quiet" size="small" onClick={onAll}>{t('show.all', { count })}</Button> : null
}

function Rows({ items }: { items: readonly Item[] }) {
  return (
    <ul class="rec-rows" role="list">
      {items.map((i) => <li key={i.key}><ItemRow item={i} /></li>)}
    </ul>
  )
}

/** Those that hold, then the others behind a click. */
function ActiveRows({ items, none }: { items: readonly Item[]; none: string }) {
  const ordered = activeFirst(items)
  const now = ordered.filter((i) => i.active && !i.wrong)
  const past = ordered.filter((i) => !i.active || i.wrong)
  return (
    <>
      {now.length > 0 ? <Rows items={now.slice(0, 12)} /> : <p class="rec-quiet">{none}</p>}
      {now.length > 12 && <More summary={t('more.active', { count: now.length - 12 })}><Rows items={now.slice(12, 200)} /></More>}
      {past.length > 0 && <More summary={t('more.past', { count: past.length })}><Rows items={past.slice(0, 200)} /></More>}
    </>
  )
}

function Problems({ items }: { items: readonly Item[] }) {
  const mine = inGroup(items, 'problem')
  return <Card title={t('group.problem')} dense><ActiveRows items={mine} none={t('summary.problem.none')} /></Card>
}

function Medicines({ items, onAll }: { items: readonly Item[]; onAll: () => void }) {
  const mine = inGroup(items, 'medication')
  const current = activeFirst(mine).filter((i) => i.active && !i.wrong)
  return (
    <Card title={t('group.medication')} dense aside={mine.length > 0 && <Button kind="quiet" size="small" onClick={onAll}>{t('show.all', { count: mine.length })}</Button>}>
      {current.length > 0 ? <Rows items={current.slice(0, 12)} /> : <p class="rec-quiet">{t('medication.none')}</p>}
      {current.length > 12 && <p class="rec-quiet">{t('more.active', { count: current.length - 12 })}</p>}
    </Card>
  )
}

function Allergies({ items }: { items: readonly Item[] }) {
  const { hospital } = useChart()
  const mine = inGroup(items, 'allergy')
  const denied = mine.find((i) => (i.facts as Allergy).none && i.active && !i.wrong)
  const real = mine.filter((i) => !(i.facts as Allergy).none || i.wrong)
  return (
    <Card title={t('group.allergy')} dense>
      {denied && <p><OpenLink item={denied}>{t('summary.allergy.denied', { hospital: hospital(denied.hospital) })}</OpenLink><br /><SourceMark hospital={denied.hospital} /></p>}
      {(real.length > 0 || !denied) && <ActiveRows items={real} none={t('summary.allergy.none')} />}
    </Card>
  )
}

function useSeries(items: readonly Item[], ...groups: Group[]): readonly Series[] {
  return useMemo(() => seriesOf(inGroup(items, ...groups)), [items])
}

/** The latest value of each vital sign, those that matter at a glance first. */
const vitalOrder = ['85354-9', '55284-4', '8867-4', '8310-5', '9279-1', '2708-6', '59408-5', '29463-7', '8302-2', '39156-5']

function Vitals({ items, onAll }: { items: readonly Item[]; onAll: () => void }) {
  const series = useSeries(items, 'vital')
  const place = (s: Series) => {
    const at = vitalOrder.findIndex((code) => s.latest.concept?.codes.some((c) => c.code === code))
    return at < 0 ? vitalOrder.length : at
  }
  const shown = [...series].sort((a, b) => place(a) - place(b)).slice(0, 8)
  return (
    <Card title={t('summary.vitals')} dense aside={<AllButton count={series.length} shown={0} onAll={onAll} />}>
      {shown.length > 0 ? <SeriesRows series={shown} /> : <p class="rec-quiet">{t('empty.group')}</p>}
    </Card>
  )
}

function Abnormal({ items, onAll }: { items: readonly Item[]; onAll: () => void }) {
  const series = useSeries(items, 'result')
  const marked = series.filter((s) => s.flag)
  const bad = marked.filter((s) => s.flag !== 'normal').sort((a, b) => Number(b.flag?.startsWith('critical')) - Number(a.flag?.startsWith('critical')))
  if (series.length === 0) return null
  return (
    <Card title={t('summary.abnormal')} dense aside={<AllButton count={series.length} shown={0} onAll={onAll} />}>
      {bad.length > 0 ? <SeriesRows series={bad.slice(0, 10)} /> : <p class="rec-quiet">{t(marked.length > 0 ? 'summary.abnormal.none' : 'summary.unmarked')}</p>}
    </Card>
  )
}

function SeriesRows({ series }: { series: readonly Series[] }) {
  return (
    <ul class="rec-rows" role="list">
      {series.map((s) => <li key={s.key}><SeriesRow series={s} /></li>)}
    </ul>
  )
}

function SeriesRow({ series: s }: { series: Series }) {
  const o = observationOf(s.latest)
  const line = s.lines[0]
  return (
    <div class="rec-row">
      <div class="rec-row__main">
        <div class="rec-row__title"><OpenLink item={s.latest} /> <Warnings item={s.latest} /></div>
        <div class="rec-row__value">
          {o && <span><ValueMark observation={o} strong /></span>} {line && <Sparkline points={line.points} />}
        </div>
      </div>
      <div class="rec-row__aside"><DateMark when={s.latest.when} /><SourceMark hospital={s.latest.hospital} /></div>
    </div>
  )
}

function Latest({ title, items, count, onAll, ordered }: { title: string; items: readonly Item[]; count: number; onAll: () => void; ordered?: boolean }) {
  if (items.length === 0) return null
  const shown = (ordered ? items : sorted(items)).slice(0, count)
  return <Card title={title} dense aside={<AllButton count={items.length} shown={shown.length} onAll={onAll} />}><Rows items={shown} /></Card>
}
