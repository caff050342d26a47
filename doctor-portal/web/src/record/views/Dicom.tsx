import { Callout, SummaryList } from '@medunion/ui'
import { useMemo } from 'preact/hooks'
import { readDicom, type DicomHeader } from '../read/dicom'
import { readBanner } from '../select/banner'
import { t } from '../texts'
import { number } from '../words/number'
import { sexWords } from '../words/phrases'
import { date } from '../words/when'
import { useChart } from './context'

const sexes: Record<string, string> = { M: 'male', F: 'female', O: 'other' }

/** What a DICOM file's header says; the images themselves need a workstation's program. */
export function Dicom({ bytes }: { bytes: Uint8Array }) {
  const { store, version } = useChart()
  const header = useMemo(() => readDicom(bytes), [bytes])
  const names = useMemo(() => readBanner(store).identities.map((i) => i.name), [store, version])
  if (!header) return <Callout tone="warn" title={t('dicom.bad')} />
  const rows = dicomRows(header)
  return (
    <>
      {header.patient && names.length > 0 && !names.some((n) => samePerson(n, header.patient)) && <Callout tone="warn" title={t('dicom.other')} />}
      {rows.length > 0 ? <SummaryList dense rows={rows} /> : <p class="rec-quiet">{t('dicom.none')}</p>}
    </>
  )
}

/** Whether two names share a word of three letters or more: names are written in too many ways for more. */
export function samePerson(a: string | undefined, b: string | undefined): boolean {
  const parts = (s?: string) => (s ?? '').normalize('NFD').replace(/[^\p{L}\s^]/gu, '').toLowerCase().split(/[\s^]+/).filter((w) => w.length > 2)
  const those = new Set(parts(b))
  return parts(a).some((w) => those.has(w))
}

function dicomRows(h: DicomHeader) {
  const size = h.columns && h.rows ? t('dicom.sizeOf', { columns: String(h.columns), rows: String(h.rows), bits: String(h.bits ?? '?') }) : undefined
  const wave = h.channels && h.samples ? t('dicom.samplesOf', { channels: number(h.channels), hz: number(h.hz ?? 0), samples: number(h.samples) }) : undefined
  const all: readonly [string, string | undefined][] = [
    [t('dicom.patient'), h.patient],
    [t('dicom.patientId'), h.patientId],
    [t('dicom.born'), h.born && date(h.born)],
    [t('dicom.sex'), h.sex && sexWords(sexes[h.sex] ?? h.sex)],
    [t('dicom.modality'), h.modality],
    [t('dicom.date'), h.studied && date(h.studied)],
    [t('dicom.study'), h.study],
    [t('dicom.series'), h.series],
    [t('dicom.body'), h.body],
    [t('dicom.size'), size],
    [t('dicom.frames'), h.frames && h.frames > 1 ? number(h.frames) : undefined],
    [t('dicom.samples'), wave],
    [t('dicom.maker'), h.maker],
    [t('dicom.institution'), h.institution],
  ]
  return all.flatMap(([key, value]) => (value ? [{ key, value }] : []))
}
