import { announce, Callout, VirtualList } from '@medunion/ui'
import { useEffect, useMemo } from 'preact/hooks'
import { filterItems, sorted, type Filter } from '../select/filter'
import { t } from '../texts'
import { groups, type Group, type Item } from '../types'
import { ItemRow } from './parts'
import { Chip } from './Toolbar'

interface Props {
  items: readonly Item[]
  filter: Filter
  onFilter: (f: Filter) => void
}

/** Every entry of the record, or those that the search finds; nothing is left out of this list. */
export function Entries({ items, filter, onFilter }: Props) {
  const query = filter.query.trim()
  const found = useMemo(() => filterItems(items, { ...filter, hospitals: new Set(), groups: new Set() }), [items, filter.query])
  const shown = useMemo(() => sorted(filterItems(found, { ...filter, query: '', hospitals: new Set() }), query), [found, filter.groups])
  const said = query === '' ? undefined : shown.length === 0 ? t('search.nothing', { query }) : t('search.found', { count: shown.length })
  useEffect(() => {
    if (said) announce(said)
  }, [said])
  return (
    <div class="rec-entries">
      {said && <p class="rec-found">{said}</p>}
      <Kinds items={found} {...{ filter, onFilter }} />
      {shown.length === 0 && found.length > 0 && <Callout tone="plain" title={t('filter.none')} />}
      <VirtualList items={shown} itemKey={(i) => i.key} estimate={68} label={t('tab.all')} render={(i) => <ItemRow item={i} lead={<Kind group={i.group} />} />} />
    </div>
  )
}

function Kind({ group }: { group: Group }) {
  return <span class="rec-kind">{t(`group.${group}`)}</span>
}

function Kinds({ items, filter, onFilter }: Props) {
  const counts = useMemo(() => groups.map((group) => ({ group, count: items.filter((i) => i.group === group).length })).filter((g) => g.count > 0), [items])
  if (counts.length < 2) return null
  const toggle = (group: Group) => {
    const chosen = new Set(filter.groups)
    if (!chosen.delete(group)) chosen.add(group)
    onFilter({ ...filter, groups: chosen })
  }
  return (
    <div class="rec-chips" role="group" aria-label={t('filter.type')}>
      {counts.map(({ group, count }) => <Chip key={group} on={filter.groups.has(group)} count={count} onClick={() => toggle(group)}>{t(`group.${group}`)}</Chip>)}
    </div>
  )
}
