import { Callout, Skeleton, Tabs } from '@medunion/ui'
import type { ComponentChildren } from 'preact'
import { useCallback, useMemo, useState } from 'preact/hooks'
import { everything, filterItems, inGroup, type Filter } from '../select/filter'
import type { RecordStore } from '../store/store'
import { t } from '../texts'
import type { Item } from '../types'
import { ChartContext, useChart, useNewChart } from './context'
import { Details } from './Details'
import { Documents } from './Documents'
import { Entries } from './Entries'
import { Medication } from './Medication'
import { Results } from './Results'
import { Summary } from './Summary'
import { Timeline } from './Timeline'
import { Toolbar } from './Toolbar'

export const recordTabs = ['summary', 'timeline', 'results', 'medication', 'documents', 'all'] as const
export type RecordTab = (typeof recordTabs)[number]

export interface RecordViewProps {
  readonly store: RecordStore
  /** The time to which ages are told, in milliseconds; the caller may move it on. */
  readonly now: number
  /** The tab that shows, where the caller keeps it (in the address); else the view keeps it itself. */
  readonly tab?: string
  readonly onTab?: (tab: string) => void
  /** Tabs behind the record's own, such as the evidence. */
  readonly more?: readonly { readonly key: string; readonly label: ComponentChildren; readonly content: () => ComponentChildren }[]
  /** Above the summary: what was measured today. */
  readonly lead?: ComponentChildren
  /** The key of an item whose details are asked for from outside, such as the banner's allergy. */
  readonly opened?: string | undefined
  readonly onOpened?: (key: string | undefined) => void
}

/** The patient's record of all hospitals: summary, timeline, results, medication, documents and every entry. */
export function RecordView(props: RecordViewProps) {
  const { store, now, more = [] } = props
  const [ownTab, setOwnTab] = useState<string>('summary')
  const [ownOpen, setOwnOpen] = useState<string>()
  const [filter, setFilter] = useState<Filter>(everything)
  const tab = props.tab ?? ownTab
  const select = props.onTab ?? setOwnTab
  const setOpen = props.onOpened ?? setOwnOpen
  const open = useCallback((key: string) => setOpen(key), [setOpen])
  const chart = useNewChart(store, now, open)
  const items = useMemo(() => filterItems(store.items, { ...everything, hospitals: filter.hospitals }), [store, chart.version, filter.hospitals])
  const extra = more.find((m) => m.key === tab)
  const tabs = useMemo(() => [...ownTabs(items), ...more.map((m) => ({ key: m.key, label: m.label }))], [items, more])
  const searching = filter.query.trim() !== '' && !extra
  return (
    <ChartContext.Provider value={chart}>
      <div class="rec">
        <Toolbar filter={filter} onFilter={setFilter} />
        <Tabs label={t('record')} tabs={tabs} selected={tabs.some((x) => x.key === tab) ? tab : 'summary'} onSelect={select}>
          {searching ? <Entries items={items} filter={filter} onFilter={setFilter} /> : extra ? extra.content() : <Panel tab={tab} items={items} {...{ filter, lead: props.lead, onFilter: setFilter, onTab: select }} />}
        </Tabs>
        <Details opened={props.onOpened ? props.opened : ownOpen} onOpen={setOpen} />
      </div>
    </ChartContext.Provider>
  )
}

function ownTabs(items: readonly Item[]) {
  const counts: Partial<Record<RecordTab, number>> = {
    results: inGroup(items, 'vital', 'result', 'report', 'social').length,
    medication: inGroup(items, 'medication').length,
    documents: items.filter(hasFile).length,
    all: items.length,
  }
  return recordTabs.map((key) => {
    const count = counts[key]
    return { key: key as string, label: t(`tab.${key}`), ...(count === undefined ? {} : { count }) }
  })
}

/** Whether an item belongs to the documents: it is one, or a report that came with a file. */
export function hasFile(i: Item): boolean {
  return i.group === 'document' || i.group === 'imaging' || (i.facts.kind === 'report' && i.facts.files.length > 0)
}

interface PanelProps {
  tab: string
  items: readonly Item[]
  filter: Filter
  lead?: ComponentChildren
  onFilter: (f: Filter) => void
  onTab: (tab: string) => void
}

function Panel({ tab, items, filter, lead, onFilter, onTab }: PanelProps) {
  if (items.length === 0) return <Nothing lead={tab === 'summary' ? lead : undefined} filtered={filter.hospitals.size > 0} />
  switch (tab) {
    case 'timeline':
      return <Timeline items={items} />
    case 'results':
      return <Results items={items} />
    case 'medication':
      return <Medication items={items} />
    case 'documents':
      return <Documents items={items.filter(hasFile)} />
    case 'all':
      return <Entries items={items} filter={filter} onFilter={onFilter} />
    default:
      return <Summary items={items} lead={lead} onTab={onTab} onFilter={onFilter} />
  }
}

function Nothing({ lead, filtered }: { lead?: ComponentChildren; filtered: boolean }) {
  const { read, total } = useChart().store.progress
  if (total > read) return <Skeleton />
  return (
    <>
      {lead}
      <Callout tone="plain" title={filtered ? t('filter.none') : t('empty')} />
    </>
  )
}
