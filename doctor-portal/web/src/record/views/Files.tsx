import { Button, Callout, Heading } from '@medunion/ui'
import { useEffect, useMemo, useState } from 'preact/hooks'
import type { Obj } from '../fhir/json'
import { fileBytes } from '../read/files'
import { plainText } from '../read/narrative'
import { t } from '../texts'
import type { File, Item } from '../types'
import { looksLike } from '../read/sniff'
import { sizeWords } from '../words/size'
import { mediaWords, titleOf } from '../words/title'
import { useChart } from './context'
import { Dicom } from './Dicom'
import { Frame } from './Frame'

/** Types that the sealed frame shows, and those shown as text. */
const framed = ['application/pdf', 'image/jpeg', 'image/png', 'image/gif', 'image/webp']
const textual = ['text/plain', 'text/html', 'application/xhtml+xml', 'text/xml', 'application/xml', 'application/json', 'text/csv', 'text/markdown']

interface Props {
  item: Item
  files: readonly File[]
  resource: Obj
}

/** The files of an entry, each with what can be done with it; the first one that can be read shows at once. */
export function Files({ item, files, resource }: Props) {
  const [shown, show] = useState(() => files.findIndex((f) => framed.includes(f.type) || textual.includes(f.type) || files.length === 1))
  return (
    <section class="rec-files">
      {files.map((f, i) => (
        <div key={i} class="rec-file">
          <FilePart item={item} file={f} resource={resource} shown={shown === i} onShow={(on) => show(on ? i : -1)} />
        </div>
      ))}
    </section>
  )
}

interface PartProps {
  item: Item
  file: File
  resource: Obj
  shown: boolean
  onShow: (on: boolean) => void
}

function FilePart({ item, file, resource, shown, onShow }: PartProps) {
  const { store } = useChart()
  const kept = useBinary(item, file, resource)
  const found = useMemo(() => (kept.bytes ? looksLike(kept.bytes, file.type) : file.type), [kept.bytes, file.type])
  const title = file.title ?? titleOf(item, store)
  const readable = framed.includes(found) || textual.includes(found)
  return (
    <>
      <div class="rec-file__bar">
        <Heading level={3} size={4}>{title}</Heading>
        <span class="rec-quiet">{mediaWords(found)} · {sizeWords(kept.bytes?.length ?? file.size)}</span>
        {kept.bytes && readable && !shown && <Button size="small" icon="eye" onClick={() => onShow(true)}>{t('documents.show')}</Button>}
        {kept.bytes && readable && shown && <Button size="small" kind="quiet" onClick={() => onShow(false)}>{t('documents.close')}</Button>}
        {kept.bytes && <Download bytes={kept.bytes} type={found} title={title} />}
      </div>
      {found !== file.type && file.type !== 'application/octet-stream' && <Callout tone="warn" title={t('documents.mismatch', { declared: mediaWords(file.type), found: mediaWords(found) })} />}
      {!kept.bytes && <p class="rec-quiet">{kept.elsewhere ? t('documents.elsewhere', { url: kept.elsewhere }) : t('documents.unreadable')}</p>}
      {kept.bytes && found === 'application/dicom' && <Dicom bytes={kept.bytes} />}
      {kept.bytes && !readable && found !== 'application/dicom' && <p class="rec-quiet">{t('documents.unshown', { type: mediaWords(found) })}</p>}
      {kept.bytes && shown && framed.includes(found) && <Frame bytes={kept.bytes} type={found} title={title} />}
      {kept.bytes && shown && textual.includes(found) && <Text bytes={kept.bytes} type={found} />}
    </>
  )
}

/** A file's bytes: of the resource itself, or of the Binary of the same hospital that its address means. */
function useBinary(item: Item, file: File, resource: Obj): { bytes?: Uint8Array<ArrayBuffer> | undefined; elsewhere?: string | undefined } {
  const { store, version } = useChart()
  return useMemo(() => {
    if (file.path.length > 0) return { bytes: fileBytes(resource, file.path) }
    const binary = store.item(store.resolve(item.hospital, file.url))
    const held = binary && store.resource(binary)
    return held ? { bytes: fileBytes(held, ['data']) } : { elsewhere: file.url }
  }, [store, version, item, file, resource])
}

/** Shown as text, whatever it is; of HTML only the text between its tags. */
function Text({ bytes, type }: { bytes: Uint8Array; type: string }) {
  const text = useMemo(() => {
    const all = new TextDecoder().decode(bytes.subarray(0, 500_000))
    return type.includes('html') ? (plainText(all) ?? '') : all
  }, [bytes, type])
  return <pre class="rec-text rec-text--file" tabIndex={0}>{text}</pre>
}

const endings: Record<string, string> = {
  'application/pdf': 'pdf', 'image/jpeg': 'jpg', 'image/png': 'png', 'image/gif': 'gif', 'image/webp': 'webp', 'application/dicom': 'dcm', 'text/plain': 'txt', 'text/csv': 'csv',
}

function Download({ bytes, type, title }: { bytes: Uint8Array<ArrayBuffer>; type: string; title: string }) {
  const [url, setUrl] = useState<string>()
  useEffect(() => {
    // A neutral type: a browser that opens the file instead of saving it must not run it.
    const made = URL.createObjectURL(new Blob([bytes], { type: 'application/octet-stream' }))
    setUrl(made)
    return () => URL.revokeObjectURL(made)
  }, [bytes])
  const name = `${title.replace(/[^\p{L}\p{N}._-]+/gu, '-').replace(/^[-.]+|-+$/g, '').slice(0, 80) || 'file'}.${endings[type] ?? 'bin'}`
  return url ? <Button size="small" kind="quiet" icon="download" href={url} download={name} aria-label={t('documents.download.of', { title })}>{t('documents.download')}</Button> : null
}
