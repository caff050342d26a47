import { Card, Heading, VirtualList } from '@medunion/ui'
import { useMemo } from 'preact/hooks'
import { timeline, type Happening } from '../select/timeline'
import { observationOf } from '../select/series'
import { t } from '../texts'
import type { Item } from '../types'
import { useChart } from './context'
import { DateMark, OpenLink, Said, SourceMark, ValueMark, Warnings } from './parts'

/** How many entries of one kind an encounter shows before it only counts them. */
const most = 12

/** What happened when, encounter by encounter, the newest first. */
export function Timeline({ items }: { items: readonly Item[] }) {
  const { store, version } = useChart()
  const all = useMemo(() => timeline(store, items), [store, version, items])
  return <VirtualList items={all} itemKey={(h) => h.key} estimate={150} label={t('tab.timeline')} render={(h, i) => <Event happening={h} year={newYear(all, i)} />} />
}

/** The year's heading where a year begins. */
function newYear(all: readonly Happening[], i: number): string | undefined {
  const year = yearOf(all[i])
  return i === 0 || yearOf(all[i - 1]) !== year ? year : undefined
}

function yearOf(h?: Happening): string {
  return h?.when?.written.slice(0, 4) ?? t('year.none')
}

function Event({ happening: h, year }: { happening: Happening; year?: string | undefined }) {
  return (
    <div class="rec-event">
      {year && <Heading level={2} size={3}>{year}</Heading>}
      <Card dense>
        <div class="rec-row rec-row--head">
          <div class="rec-row__main">
            <h3 class="rec-row__title">{h.encounter ? <><OpenLink item={h.encounter} /> <Warnings item={h.encounter} /></> : t('timeline.outside')}</h3>
            {h.encounter && <div class="rec-row__words"><Said item={h.encounter} /></div>}
          </div>
          <div class="rec-row__aside"><DateMark when={h.when} exact /><SourceMark hospital={h.hospital} /></div>
        </div>
        {h.parts.length > 0 ? (
          <dl class="rec-parts">
            {h.parts.map((p) => (
              <div key={p.group} class="rec-parts__row">
                <dt>{t(`group.${p.group}`)}</dt>
                <dd><Part items={p.items} /></dd>
              </div>
            ))}
          </dl>
        ) : (
          <p class="rec-quiet">{t('timeline.nothing')}</p>
        )}
      </Card>
    </div>
  )
}

function Part({ items }: { items: readonly Item[] }) {
  const short = items.every((i) => observationOf(i))
  return (
    <ul class={short ? 'rec-values' : 'rec-plain'} role="list">
      {items.slice(0, short ? 2 * most : most).map((i) => <li key={i.key}><Entry item={i} /></li>)}
      {items.length > (short ? 2 * most : most) && <li class="rec-quiet">{t('timeline.more', { count: items.length - (short ? 2 * most : most) })}</li>}
    </ul>
  )
}

function Entry({ item }: { item: Item }) {
  const o = observationOf(item)
  return (
    <>
      <OpenLink item={item} /> {o ? <ValueMark observation={o} strong /> : <span class="rec-row__words"><Said item={item} most={3} /></span>} <Warnings item={item} />
    </>
  )
}
