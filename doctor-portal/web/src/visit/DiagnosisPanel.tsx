import { Button, Buttons, Callout, Details, ErrorSummary, FileInput, Heading, TextArea } from '@medunion/ui'
import { useEffect, useRef, useState } from 'preact/hooks'
import { useWorkplace } from '../app/context.ts'
import type { Preview, Visit } from '../app/practice.ts'
import { useObservable } from '../app/store.ts'
import { TroubleCallout } from '../app/Trouble.tsx'
import { useWork } from '../app/work.ts'
import { t } from '../texts/index.ts'
import { CodeSearch } from './CodeSearch.tsx'
import { check, limits, toDraft, type DraftForm, type Wrong } from './draft.ts'
import { PreviewDialog } from './PreviewDialog.tsx'
import { Receipts } from './Receipts.tsx'
import type { Room } from './rooms.ts'

/** The diagnosis beside the record: written, or signed with its receipts. */
export function DiagnosisPanel({ visit, room }: { visit: Visit; room: Room }) {
  useObservable(room)
  const box = useRef<HTMLElement>(null)
  const signed = visit.diagnosis !== undefined
  useEffect(() => box.current?.focus(), [signed])
  const hide = () => {
    room.set({ writing: false })
    document.getElementById('write-diagnosis')?.focus()
  }
  return (
    <aside class="dp-panel" aria-labelledby="diagnosis-title" tabIndex={-1} ref={box}>
      <div class="dp-panel__head">
        <Heading level={2} size={3} id="diagnosis-title">{t('diagnosis.title')}</Heading>
        <Button kind="quiet" size="small" icon="cross" aria-label={t('diagnosis.close')} onClick={hide} />
      </div>
      {visit.diagnosis ? <Receipts visit={visit} diagnosis={visit.diagnosis} /> : <Writing visit={visit} room={room} />}
    </aside>
  )
}

const idOf = (w: Wrong) => `diagnosis-${w.field}`

function wordsOf(w: Wrong, d: DraftForm): string {
  if (w.why === 'needed') return t('diagnosis.needed')
  return w.why === 'tooLarge' ? t('diagnosis.tooLarge', { name: d.attachment?.name ?? '' }) : t('diagnosis.tooLong', { max: limits[w.field] })
}

function Writing({ visit, room }: { visit: Visit; room: Room }) {
  const { practice } = useWorkplace()
  const work = useWork()
  const [tried, setTried] = useState(false)
  const [preview, setPreview] = useState<Preview>()
  const d = room.draft
  const wrong = check(d)
  const set = (change: Partial<DraftForm>) => room.set({ draft: { ...d, ...change } })
  const error = (field: Wrong['field']) => {
    const w = tried && wrong.find((x) => x.field === field)
    return w ? wordsOf(w, d) : undefined
  }
  const see = async (e: Event) => {
    e.preventDefault()
    setTried(true)
    if (wrong.length > 0) return
    await work.run(async () => setPreview(await practice.preview(visit.id, await toDraft(d))))
  }
  return (
    <form onSubmit={(e) => void see(e)} noValidate>
      {work.trouble && <TroubleCallout trouble={work.trouble} />}
      {tried && <ErrorSummary errors={wrong.map((w) => ({ id: idOf(w), text: wordsOf(w, d) }))} />}
      <CodeSearch chosen={d.code} onChoose={(code) => set({ code })} />
      <TextArea id="diagnosis-text" label={t('diagnosis.words')} hint={t('diagnosis.wordsHint')} error={error('text')} value={d.text} onInput={(text) => set({ text })} rows={2} optional={!!d.code} />
      <TextArea id="diagnosis-note" label={t('diagnosis.note')} error={error('note')} value={d.note} onInput={(note) => set({ note })} rows={5} optional />
      <FileInput id="diagnosis-attachment" label={t('diagnosis.attachment')} hint={t('diagnosis.attachmentHint')} error={error('attachment')} files={d.attachment ? [d.attachment] : []} onFiles={([attachment]) => set({ attachment })} optional />
      {!visit.hospitals.some((h) => h.receipt !== undefined) && <Callout tone="info" title={t('diagnosis.notRead')} />}
      <Buttons>
        <Button kind="primary" type="submit" busy={work.busy}>{t('diagnosis.preview')}</Button>
      </Buttons>
      <p class="mu-quiet dp-small">{t('diagnosis.afterwards')}</p>
      <Details summary={t('diagnosis.aboutCodes')}><p class="dp-small">{t('diagnosis.aboutCodesText')}</p></Details>
      <PreviewDialog visit={visit} room={room} preview={preview} onClose={() => setPreview(undefined)} />
    </form>
  )
}
