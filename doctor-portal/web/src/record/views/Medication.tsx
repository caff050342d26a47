import { Heading, VirtualList } from '@medunion/ui'
import { useMemo } from 'preact/hooks'
import { activeFirst, inGroup } from '../select/filter'
import { t } from '../texts'
import type { Item } from '../types'
import { ItemRow } from './parts'

/** What is taken now, then what was, each with its dosage in words. */
export function Medication({ items }: { items: readonly Item[] }) {
  const [current, past] = useMemo(() => {
    const all = activeFirst(inGroup(items, 'medication'))
    return [all.filter((i) => i.active && !i.wrong), all.filter((i) => !i.active || i.wrong)]
  }, [items])
  return (
    <>
      <Heading level={2} size={3}>{t('medication.current')}</Heading>
      {current.length > 0 ? <List items={current} label={t('medication.current')} /> : <p>{t('medication.none')}</p>}
      {past.length > 0 && <Heading level={2} size={3}>{t('medication.past')}</Heading>}
      {past.length > 0 && <List items={past} label={t('medication.past')} />}
    </>
  )
}

function List({ items, label }: { items: readonly Item[]; label: string }) {
  return <div class="rec-panel"><VirtualList items={items} itemKey={(i) => i.key} estimate={68} label={label} render={(i) => <ItemRow item={i} />} /></div>
}
