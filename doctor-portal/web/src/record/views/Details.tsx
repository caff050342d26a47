import { Button, Dialog, SummaryList, Tabs, Callout } from '@medunion/ui'
import { useEffect, useMemo, useState } from 'preact/hooks'
import type { Obj } from '../fhir/json'
import { plainText } from '../read/narrative'
import { obj } from '../fhir/json'
import { t } from '../texts'
import { recorded } from '../select/series'
import type { Item } from '../types'
import { titleOf, typeWords } from '../words/title'
import { useChart } from './context'
import { Fields } from './Fields'
import { Files } from './Files'
import { DateMark, Said, SourceMark, Warnings } from './parts'
import { Raw } from './Raw'
import { Recorded } from './Recorded'
import { ReportPart } from './ReportPart'

interface Props {
  opened: string | undefined
  onOpen: (key: string | undefined) => void
}

/** Everything about one entry: what it says, every field, and the text as the hospital signed it. */
export function Details({ opened, onOpen }: Props) {
  const { store } = useChart()
  const [path, setPath] = useState<readonly string[]>([])
  useEffect(() => setPath((p) => (opened === undefined ? [] : p.at(-1) === opened ? p : [...p, opened])), [opened])
  const item = store.item(opened)
  const before = store.item(path.at(-2))
  const back = () => {
    setPath(path.slice(0, -1))
    onOpen(path.at(-2))
  }
  return (
    <Dialog open={item !== undefined} title={item ? titleOf(item, store) : ''} onClose={() => onOpen(undefined)} wide>
      {item && (
        <div class="rec rec-details">
          {before && <Button kind="quiet" size="small" icon="arrow-left" onClick={back}>{t('detail.back', { title: titleOf(before, store) })}</Button>}
          <Content key={item.key} item={item} />
        </div>
      )}
    </Dialog>
  )
}

type Tab = 'fields' | 'narrative' | 'raw'

function Content({ item }: { item: Item }) {
  const { store } = useChart()
  const [tab, setTab] = useState<Tab>('fields')
  const resource = useMemo(() => store.resource(item), [store, item])
  const narrative = useMemo(() => plainText(obj(resource?.['text'])?.['div']), [resource])
  const tabs = [
    { key: 'fields' as const, label: t('detail.fields') },
    ...(narrative ? [{ key: 'narrative' as const, label: t('detail.narrative') }] : []),
    { key: 'raw' as const, label: t('detail.raw') },
  ]
  return (
    <>
      <Head item={item} />
      <p class="rec-details__words"><Said item={item} /></p>
      {resource && <Inside item={item} resource={resource} />}
      <Tabs label={t('open')} tabs={tabs} selected={tab} onSelect={setTab}>
        {tab === 'raw' ? <Raw item={item} /> : tab === 'narrative' ? <Narrative text={narrative ?? ''} /> : <Fields resource={resource ?? {}} item={item} />}
      </Tabs>
    </>
  )
}

function Head({ item }: { item: Item }) {
  return (
    <>
      {item.wrong && <Callout tone="bad" title={t('wrong')}>{t('wrong.why')}</Callout>}
      <SummaryList
        dense
        rows={[
          { key: t('col.kind'), value: <>{t(`group.${item.group}`)} · {typeWords(item.type)} <Warnings item={item} /></> },
          item.group !== 'people' && item.group !== 'patient' && { key: t('col.date'), value: <DateMark when={item.when} exact /> },
          { key: t('col.source'), value: <SourceMark hospital={item.hospital} /> },
        ]}
      />
    </>
  )
}

/** What an entry holds beside its fields: files, a report's results, a recording. */
function Inside({ item, resource }: { item: Item; resource: Obj }) {
  const f = item.facts
  return (
    <>
      {recorded(item) && <Recorded item={item} />}
      {f.kind === 'report' && <ReportPart item={item} report={f} />}
      {(f.kind === 'report' || f.kind === 'document') && f.files.length > 0 && <Files item={item} files={f.files} resource={resource} />}
    </>
  )
}

function Narrative({ text }: { text: string }) {
  return (
    <>
      <p class="rec-quiet">{t('detail.narrative.hint')}</p>
      <div class="rec-text">{text}</div>
    </>
  )
}
