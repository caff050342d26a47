import { Heading, VirtualList } from '@medunion/ui'
import { useMemo, useState } from 'preact/hooks'
import { sorted } from '../select/filter'
import type { RecordStore } from '../store/store'
import { t } from '../texts'
import type { File, Item } from '../types'
import { sizeWords } from '../words/size'
import { mediaWords, titleOf } from '../words/title'
import { dayOf } from '../words/when'
import { useChart } from './context'
import { Files } from './Files'
import { DateMark, OpenLink, Said, SourceMark, Warnings } from './parts'
import { useReveal } from './reveal'

/** Documents, images and reports with files at the left, the chosen one to read at the right. */
export function Documents({ items }: { items: readonly Item[] }) {
  const [chosen, choose] = useState<string>()
  const detail = useReveal(chosen)
  const { store } = useChart()
  const all = useMemo(() => sorted(standalone(items, store)), [items, store])
  const open = all.find((i) => i.key === chosen) ?? all.find((i) => filesOf(i).length > 0) ?? all[0]
  if (all.length === 0) return <p>{t('documents.none')}</p>
  return (
    <div class="rec-split">
      <div class="rec-split__list">
        <VirtualList items={all} itemKey={(i) => i.key} estimate={72} height={640} label={t('tab.documents')} render={(i) => <Choice item={i} on={i === open} onClick={() => choose(i.key)} />} />
      </div>
      <div class="rec-split__detail" ref={detail}>{open && <Reading key={open.key} item={open} />}</div>
    </div>
  )
}

/** Without the Binary resources that another document shows as its own file. */
function standalone(items: readonly Item[], store: RecordStore): readonly Item[] {
  const shown = new Set(items.flatMap((i) => filesOf(i).map((f) => store.resolve(i.hospital, f.url))))
  return items.filter((i) => i.type !== 'Binary' || !shown.has(i.key))
}

function Choice({ item, on, onClick }: { item: Item; on: boolean; onClick: () => void }) {
  const { store, hospital } = useChart()
  const file = filesOf(item)[0]
  return (
    <button type="button" class="rec-choice" aria-current={on ? 'true' : undefined} onClick={onClick}>
      <span class={`rec-choice__name${item.wrong ? ' rec-struck' : ''}`}><bdi>{titleOf(item, store)}</bdi></span>
      <span class="rec-choice__when">
        {[item.when && dayOf(item.when), file ? `${mediaWords(file.type)}${file.size > 0 ? `, ${sizeWords(file.size)}` : ''}` : t(`group.${item.group}`), hospital(item.hospital)].filter(Boolean).join(' · ')}
      </span>
    </button>
  )
}

function filesOf(item: Item): readonly File[] {
  return item.facts.kind === 'document' || item.facts.kind === 'report' ? item.facts.files : []
}

function Reading({ item }: { item: Item }) {
  const { store } = useChart()
  const resource = useMemo(() => store.resource(item), [store, item])
  const f = item.facts
  return (
    <section class="rec-panel">
      <Heading level={2} size={3}><OpenLink item={item}>{titleOf(item, store)}</OpenLink></Heading>
      <p><DateMark when={item.when} /> · <SourceMark hospital={item.hospital} /> <Warnings item={item} /></p>
      <p class="rec-row__words"><Said item={item} /></p>
      {f.kind === 'imaging' && <p class="rec-quiet">{t('documents.imagesElsewhere')}</p>}
      {f.kind === 'document' && f.sections.map((s, i) => (
        <div key={i}>
          {s.title && <Heading level={3} size={4}>{s.title}</Heading>}
          {s.text && <div class="rec-text">{s.text}</div>}
        </div>
      ))}
      {f.kind === 'report' && f.conclusion && <div class="rec-text">{f.conclusion}</div>}
      {resource && filesOf(item).length > 0 && <Files item={item} files={filesOf(item)} resource={resource} />}
    </section>
  )
}
