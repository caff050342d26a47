import { Checkbox, Heading, language, TextInput, VirtualList } from '@medunion/ui'
import { Sparkline } from '@medunion/ui/signals'
import { useMemo, useState } from 'preact/hooks'
import { fold } from '../read'
import { inGroup, sorted } from '../select/filter'
import { observationOf, seriesOf, type Series } from '../select/series'
import { t } from '../texts'
import type { Group, Item } from '../types'
import { titleOf } from '../words/title'
import { dayOf } from '../words/when'
import { useChart } from './context'
import { ItemRow, ValueMark } from './parts'
import { useReveal } from './reveal'
import { SeriesPanel } from './SeriesPanel'

const sections: readonly { key: 'vital' | 'lab' | 'social'; groups: readonly Group[] }[] = [
  { key: 'vital', groups: ['vital'] },
  { key: 'lab', groups: ['result'] },
  { key: 'social', groups: ['social'] },
]

/** A line of the list of tests: a test, or the heading of those below it. */
type Line = { readonly heading: string } | { readonly series: Series }

/** All tests at the left, the chosen one's values over time at the right, the reports below. */
export function Results({ items }: { items: readonly Item[] }) {
  const [find, setFind] = useState('')
  const [abnormal, setAbnormal] = useState(false)
  const [chosen, choose] = useState<string>()
  const detail = useReveal(chosen)
  const all = useMemo(() => sections.map(({ key, groups }) => ({ key, series: seriesOf(inGroup(items, ...groups)) })), [items])
  const lines = useMemo(() => listed(all, find, abnormal), [all, find, abnormal, language()])
  const series = all.flatMap((s) => s.series)
  const open = series.find((s) => s.key === chosen) ?? series[0]
  const reports = useMemo(() => sorted(inGroup(items, 'report')), [items])
  const odd = useMemo(() => inGroup(items, 'vital', 'result', 'social'), [items])
  const wrong = odd.filter((i) => i.wrong)
  const others = odd.filter((i) => !i.wrong && !observationOf(i))
  return (
    <>
      {series.length > 0 && (
        <div class="rec-split">
          <div class="rec-split__list">
            <TextInput label={t('results.search')} labelHidden placeholder={t('results.search')} type="search" value={find} onInput={setFind} />
            <Checkbox label={t('results.abnormal')} checked={abnormal} onChange={setAbnormal} />
            <VirtualList
              items={lines}
              itemKey={(l) => ('series' in l ? l.series.key : l.heading)}
              estimate={60}
              height={560}
              label={t('tab.results')}
              render={(l) => ('series' in l ? <Choice series={l.series} on={l.series === open} onClick={() => choose(l.series.key)} /> : <div class="rec-heading">{l.heading}</div>)}
            />
          </div>
          <div class="rec-split__detail" ref={detail}>{open && <SeriesPanel key={open.key} series={open} />}</div>
        </div>
      )}
      {reports.length > 0 && <Section title={t('results.reports')} items={reports} />}
      {others.length > 0 && <Section title={t('group.social')} items={others} />}
      {wrong.length > 0 && <Section title={t('wrong')} items={wrong} />}
      {series.length + reports.length + odd.length === 0 && <p>{t('empty.group')}</p>}
    </>
  )
}

function listed(all: readonly { key: 'vital' | 'lab' | 'social'; series: readonly Series[] }[], find: string, abnormal: boolean): readonly Line[] {
  const wanted = fold(find.trim())
  return all.flatMap(({ key, series }) => {
    const shown = series.filter((s) => fold(s.title).includes(wanted) && (!abnormal || (s.flag && s.flag !== 'normal')))
    return shown.length === 0 ? [] : [{ heading: t(`results.${key}`) }, ...shown.map((s) => ({ series: s }))]
  })
}

function Choice({ series: s, on, onClick }: { series: Series; on: boolean; onClick: () => void }) {
  const { store } = useChart()
  const o = observationOf(s.latest)
  return (
    <button type="button" class="rec-choice" aria-current={on ? 'true' : undefined} onClick={onClick}>
      <span class="rec-choice__name"><bdi>{titleOf(s.latest, store)}</bdi></span>
      <span class="rec-choice__value">
        {o && <ValueMark observation={o} strong />}
      </span>
      <span class="rec-choice__when">
        {s.latest.when && dayOf(s.latest.when)} · {t('results.values', { count: s.items.length })} {s.lines[0] && <Sparkline points={s.lines[0].points} />}
      </span>
    </button>
  )
}

function Section({ title, items }: { title: string; items: readonly Item[] }) {
  return (
    <section class="rec-panel">
      <Heading level={2} size={3}>{title}</Heading>
      <VirtualList items={items} itemKey={(i) => i.key} estimate={68} label={title} render={(i) => <ItemRow item={i} />} />
    </section>
  )
}
