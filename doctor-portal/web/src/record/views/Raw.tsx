import { announce, Button } from '@medunion/ui'
import { useMemo, useState } from 'preact/hooks'
import { t } from '../texts'
import type { Item } from '../types'
import { useChart } from './context'

/** How much of a resource is shown, in characters; a longer one holds a file's bytes. */
const most = 200_000

// eslint-disable-next-line no-control-regex
const invisible = /[\u007f-\u009f\u061c\u200b-\u200f\u2028\u2029\u202a-\u202e\u2060-\u2069\ufeff]/g

/** A text, a mark, or a word or number of JSON. */
const token = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s{}[\],:"]+/g

/** How far lines are set in at most. */
const deepest = 40

/**
 * A resource's JSON set in lines, with every text and number as it is written. Invisible
 * characters are written as escapes, which means the same in JSON, so that no text can look
 * like another.
 */
export function pretty(raw: string): string {
  let text = raw
  try {
    JSON.parse(raw)
    text = inLines(raw)
  } catch {
    // Shown as it is.
  }
  return text.replace(invisible, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function inLines(json: string): string {
  let [out, before, depth] = ['', '', 0]
  for (const [x] of json.matchAll(token)) {
    const closes = x === '}' || x === ']'
    if (closes) depth--
    const opened = before === '{' || before === '['
    if (opened ? !closes : closes || before === ',') out += `\n${'  '.repeat(Math.min(depth, deepest))}`
    out += x === ':' ? ': ' : x
    if (x === '{' || x === '[') depth++
    before = x
  }
  return out
}

export function Raw({ item }: { item: Item }) {
  const { store } = useChart()
  const [said, setSaid] = useState<string>()
  const text = useMemo(() => pretty(store.raw(item) ?? ''), [store, item])
  const copy = async () => {
    const done = await navigator.clipboard.writeText(text).then(() => true, () => false)
    const words = t(done ? 'detail.copied' : 'detail.copy.failed')
    setSaid(words)
    announce(words)
  }
  return (
    <>
      <p class="rec-raw__bar">
        <span class="rec-quiet">{t('detail.raw.hint')} {said && <strong>{said}</strong>}</span>
        <Button size="small" icon="copy" onClick={() => void copy()}>{t('detail.copy')}</Button>
      </p>
      {text.length > most && <p class="rec-quiet">{t('detail.long', { shown: most, all: text.length })}</p>}
      <pre class="rec-raw" tabIndex={0} aria-label={t('detail.raw')}>{text.slice(0, most)}</pre>
    </>
  )
}
