import { Button, Buttons, Callout, Details, Dialog, Fingerprint, formatBytes, SummaryList } from '@medunion/ui'
import { useWorkplace } from '../app/context.ts'
import type { Preview, Visit } from '../app/practice.ts'
import { day, save } from '../app/files.ts'
import { TroubleCallout } from '../app/Trouble.tsx'
import { useWork } from '../app/work.ts'
import { nameOf } from '../home/PersonName.tsx'
import { t } from '../texts/index.ts'
import { readBanner } from '../record/index.ts'
import { knownPerson } from './identity.ts'
import { emptyDraft } from './draft.ts'
import type { Room } from './rooms.ts'
import { shown } from './bundle.ts'

/** Shows exactly what will be signed, and signs it. */
export function PreviewDialog({ visit, room, preview, onClose }: { visit: Visit; room: Room; preview: Preview | undefined; onClose: () => void }) {
  const place = useWorkplace()
  const work = useWork()
  const sign = async () => {
    if (!preview) return
    const signed = await work.run(async () => {
      await place.practice.sign(visit.id, preview.bundle)
      place.replace(await place.practice.visit(visit.id))
    })
    if (!signed) return
    room.set({ draft: emptyDraft })
    onClose()
  }
  return (
    <Dialog
      open={preview !== undefined}
      title={t('preview.title')}
      onClose={onClose}
      wide
      actions={
        <Buttons>
          <Button kind="primary" icon="send" busy={work.busy} onClick={() => void sign()}>{t('preview.sign')}</Button>
          <Button onClick={onClose}>{t('preview.back')}</Button>
        </Buttons>
      }
    >
      {work.trouble && <TroubleCallout trouble={work.trouble} />}
      {preview && <Content preview={preview} who={nameOf(knownPerson(readBanner(room.store))?.person ?? place.people.of(visit.id)?.person)} />}
      <Callout tone="info" title={t('diagnosis.afterwards')} />
    </Dialog>
  )
}

// What is read out of the bundle itself, not out of the form: it is the bundle that is signed.
function Content({ preview, who }: { preview: Preview; who: string }) {
  const b = shown(preview.bundle)
  return (
    <>
      <SummaryList
        rows={[
          { key: t('preview.code'), value: b.code && <><span class="dp-code">{b.code.code}</span> <span lang="en">{b.code.display}</span></> },
          { key: t('preview.words'), value: b.text },
          { key: t('preview.note'), value: b.note && <span class="dp-note">{b.note}</span> },
          { key: t('preview.attachment'), value: b.attachment && `${b.attachment.title} · ${formatBytes(b.attachment.size)}` },
          { key: t('preview.patient'), value: <>{who} <span class="dp-paper">{preview.patient}</span></> },
          { key: t('preview.writeTo'), value: preview.writeTo ?? t('preview.noWrite') },
          { key: t('preview.releases'), value: preview.releases.length > 0 ? preview.releases.map((r) => <div key={r.hospital}>{t('preview.release', { hospital: r.hospital, receipt: r.receipt })}</div>) : t('preview.noReleases') },
          { key: t('preview.consent'), value: <Fingerprint value={preview.consent} /> },
        ]}
      />
      <Details summary={t('preview.exact')}>
        <pre class="dp-exact" tabIndex={0} lang="en">{b.pretty}</pre>
        <Button size="small" icon="download" onClick={() => save(`diagnosis-${day()}.json`, 'application/fhir+json', preview.bundle)}>{t('preview.save')}</Button>
      </Details>
    </>
  )
}
