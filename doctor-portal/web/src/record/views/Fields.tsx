import { concept, systemName } from '../fhir/codes'
import { span, when } from '../fhir/dates'
import { digits, list, num, obj, objs, str, type Obj } from '../fhir/json'
import { addressLine, personName } from '../fhir/names'
import { quantity } from '../fhir/value'
import { t } from '../texts'
import type { Item } from '../types'
import { codeWords, statusWords, systemWords } from '../words/status'
import { titleOf, typeWords } from '../words/title'
import { valueWords } from '../words/value'
import { date, spanWords } from '../words/when'
import { useChart } from './context'

/** Fields that the dialog shows elsewhere, or that tell people nothing. */
const elsewhere = new Set(['resourceType', 'text', 'div'])

/** How deep and how long a tree is shown; the raw resource has all of it. */
const deepest = 8
const longest = 60

/** Every field of a resource with its name and content, whatever its type. */
export function Fields({ resource, item }: { resource: Obj; item: Item }) {
  return <Rows o={resource} item={item} depth={0} />
}

function Rows({ o, item, depth }: { o: Obj; item: Item; depth: number }) {
  const keys = Object.keys(o).filter((k) => !elsewhere.has(k))
  return (
    <dl class="rec-fields">
      {keys.slice(0, longest).map((key) => (
        <div key={key} class="rec-fields__row">
          <dt>{label(key)}</dt>
          <dd><Node v={o[key]} name={key} item={item} depth={depth} /></dd>
        </div>
      ))}
      {keys.length > longest && <div class="rec-fields__row"><dt>…</dt><dd>{t('detail.more', { count: keys.length - longest })}</dd></div>}
    </dl>
  )
}

/** "Clinical status" for clinicalStatus; an extension's own name for its address. */
function label(key: string): string {
  return typeWords(key.replace(/^_/, '').slice(0, 80))
}

interface NodeProps {
  v: unknown
  name: string
  item: Item
  depth: number
}

function Node({ v, name, item, depth }: NodeProps) {
  if (Array.isArray(v)) return <Several all={v} {...{ name, item, depth }} />
  const o = obj(v)
  if (!o) return <bdi>{leaf(v, name)}</bdi>
  if (str(o['reference'])) return <Reference o={o} item={item} />
  const words = whole(o, name)
  if (words) return <bdi>{words}</bdi>
  return depth >= deepest ? <span class="rec-quiet">…</span> : <Rows o={o} item={item} depth={depth + 1} />
}

function Several({ all, name, item, depth }: { all: readonly unknown[]; name: string; item: Item; depth: number }) {
  if (all.length === 1) return <Node v={all[0]} {...{ name, item, depth }} />
  return (
    <ul class="rec-plain" role="list">
      {all.slice(0, longest).map((v, i) => <li key={i}><Node v={v} {...{ name, item, depth }} /></li>)}
      {all.length > longest && <li>{t('detail.more', { count: all.length - longest })}</li>}
    </ul>
  )
}

function leaf(v: unknown, name: string): string {
  if (typeof v === 'boolean') return t(v ? 'yes' : 'no')
  if (num(v) !== undefined) return digits(v) ?? ''
  if (typeof v !== 'string') return ''
  if (name === 'data' || v.length > 4000) return t('detail.bytes', { count: v.length })
  const at = when(v)
  if (at && v.length >= 7) return date(at)
  if (name === 'status' || name.endsWith('Status')) return statusWords(v)
  return name === 'use' ? codeWords('use', v) : (str(v) ?? '')
}

/** A value of one of FHIR's general types in one line; undefined for other objects. */
function whole(o: Obj, name: string): string | undefined {
  if ('coding' in o || ('code' in o && 'system' in o && !('value' in o))) return coded(o)
  if ('value' in o && ('unit' in o || 'code' in o || 'comparator' in o)) return measured(o)
  if (('start' in o || 'end' in o) && Object.keys(o).length <= 2) return spanWords(span(o) ?? {}) || undefined
  if ('low' in o || 'high' in o) return 'text' in o || 'type' in o ? undefined : valueWords({ kind: 'range', low: quantity(o['low']), high: quantity(o['high']) }) || undefined
  if ('currency' in o && num(o['value']) !== undefined) return `${num(o['value'])?.toFixed(2)} ${str(o['currency']) ?? ''}`
  if ('family' in o || 'given' in o) return personName([o])
  if ('city' in o || 'line' in o) return addressLine(o)
  if (name === 'note' || name === 'text') return str(o['text'])
  const only = Object.keys(o)
  return only.length === 1 && only[0] === 'display' ? str(o['display']) : undefined
}

/** A quantity in full, not rounded. */
function measured(o: Obj): string | undefined {
  const n = digits(o['value'])
  return n === undefined ? undefined : [str(o['comparator']), n, str(o['unit']) ?? str(o['code'])].filter(Boolean).join(' ')
}

/** The words of a concept with the codes they stand for. */
function coded(o: Obj): string | undefined {
  const c = concept(o)
  if (!c) return undefined
  const codes = c.codes.flatMap((x) => (x.code ? [`${systemName(x.system) ?? ''} ${x.code}`.trim()] : []))
  const words = c.bare ? systemWords(c.codes[0]?.system, c.text) : fullWords(o, c.text)
  return codes.length > 0 && !(c.bare && words === c.text && codes.length === 1 && codes[0] === words) ? `${words} (${codes.join('; ')})` : words
}

/** The words as written, with SNOMED CT's semantic tag. */
function fullWords(o: Obj, short: string): string {
  return str(o['text']) ?? str(o['display']) ?? objs(list(o['coding'])).map((c) => str(c['display'])).find(Boolean) ?? short
}

function Reference({ o, item }: { o: Obj; item: Item }) {
  const { store, open } = useChart()
  const to = str(o['reference']) ?? ''
  const target = store.item(store.resolve(item.hospital, to))
  if (target) return <button type="button" class="rec-link" onClick={() => open(target.key)}>{titleOf(target, store)}</button>
  const words = str(o['display'])
  if (to.startsWith('#')) return <bdi>{words ?? to}</bdi>
  return <bdi>{words ?? t('detail.outside', { reference: to })}</bdi>
}
