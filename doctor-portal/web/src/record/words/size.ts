import { t } from '../texts'
import { number } from './number'

/** A file's size: "12 kB". */
export function sizeWords(bytes: number): string {
  if (bytes < 1000) return t('bytes.b', { n: number(bytes) })
  if (bytes < 1_000_000) return t('bytes.kb', { n: number(Math.round(bytes / 1000)) })
  return t('bytes.mb', { n: number(Math.round(bytes / 100_000) / 10) })
}
