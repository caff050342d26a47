import { announce, Button, Progress, TextInput } from '@medunion/ui'
import { useEffect, useRef } from 'preact/hooks'
import type { Filter } from '../select/filter'
import { t } from '../texts'
import { useChart } from './context'

interface Props {
  filter: Filter
  onFilter: (f: Filter) => void
}

/** Search, the hospitals to see, and how far the record has been read. */
export function Toolbar({ filter, onFilter }: Props) {
  return (
    <div class="rec-bar">
      <div class="rec-bar__search" role="search">
        <TextInput
          label={t('search')}
          labelHidden
          type="search"
          placeholder={t('search')}
          value={filter.query}
          onInput={(query) => onFilter({ ...filter, query })}
          autocomplete="off"
          spellcheck={false}
          maxLength={200}
        />
      </div>
      <Hospitals filter={filter} onFilter={onFilter} />
      <Reading />
    </div>
  )
}

function Hospitals({ filter, onFilter }: Props) {
  const { store, hospital } = useChart()
  const sources = store.sources
  if (sources.length < 2) return null
  const toggle = (id: string) => {
    const hospitals = new Set(filter.hospitals)
    if (!hospitals.delete(id)) hospitals.add(id)
    onFilter({ ...filter, hospitals: hospitals.size === sources.length ? new Set() : hospitals })
  }
  return (
    <div class="rec-chips" role="group" aria-label={t('filter.hospital')}>
      {sources.map(({ hospital: id }) => (
        <Chip key={id} on={filter.hospitals.has(id)} onClick={() => toggle(id)}>{hospital(id)}</Chip>
      ))}
      {filter.hospitals.size > 0 && <Button kind="quiet" size="small" onClick={() => onFilter({ ...filter, hospitals: new Set() })}>{t('filter.all')}</Button>}
    </div>
  )
}

/** A condition of a filter that is on or off. */
export function Chip({ on, onClick, count, children }: { on: boolean; onClick: () => void; count?: number; children: string }) {
  return (
    <button type="button" class="rec-chip" aria-pressed={on ? 'true' : 'false'} onClick={onClick}>
      {children}
      {count !== undefined && <span class="rec-quiet"> {count}</span>}
    </button>
  )
}

function Reading() {
  const { store } = useChart()
  const { read, total } = store.progress
  const was = useRef(false)
  useEffect(() => {
    if (was.current && read === total && total > 0) announce(t('read', { count: total }))
    was.current = read < total
  }, [read, total])
  return read < total ? <Progress label={t('reading', { read, total })} value={read} max={total} /> : null
}
