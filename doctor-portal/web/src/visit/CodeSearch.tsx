import { Button, Field, language, Tag } from '@medunion/ui'
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { search, type Entry } from '../codes/search.ts'
import { t } from '../texts/index.ts'

type List = typeof import('../codes/list.ts')

export interface Chosen {
  system: string
  code: string
  display: string
}

interface CodeSearchProps {
  chosen: Chosen | undefined
  onChoose: (c: Chosen | undefined) => void
}

/** Finds a code as one types: a combobox with a list below it. */
export function CodeSearch({ chosen, onChoose }: CodeSearchProps) {
  const id = useId()
  const box = useRef<HTMLInputElement>(null)
  const justChosen = useRef(false)
  const [list, setList] = useState<List>()
  const [query, setQuery] = useState('')
  const [at, setAt] = useState(-1)
  const [open, setOpen] = useState(false)
  const load = () => void import('../codes/list.ts').then(setList)
  const found = list && open ? search(list.codes, query, language()) : []
  const choose = (e: Entry) => {
    if (!list) return
    justChosen.current = true
    onChoose({ system: list.system, code: e.code, display: e.en })
    setQuery('')
    setOpen(false)
  }
  const remove = () => {
    onChoose(undefined)
    requestAnimationFrame(() => box.current?.focus())
  }
  const key = (e: KeyboardEvent) => {
    const next = moved(e.key, at, found.length)
    if (next !== undefined) setAt(next)
    else if (e.key === 'Enter' && open && found.length > 0) choose(found[Math.max(at, 0)]!)
    else if (e.key === 'Escape' && open) setOpen(false)
    else return
    e.preventDefault()
    e.stopPropagation()
  }
  if (chosen) return <ChosenCode focus={justChosen.current} chosen={chosen} list={list} onLoad={load} onRemove={remove} />
  const shown = open && query.trim() !== ''
  return (
    <Field id={id} label={t('diagnosis.code')} hint={t('diagnosis.codeHint')}>
      {(control) => (
        <div class="dp-combo">
          <input
            {...control}
            ref={box}
            class="mu-field"
            role="combobox"
            autocomplete="off"
            spellcheck={false}
            aria-expanded={shown && found.length > 0}
            aria-controls={`${id}-list`}
            aria-autocomplete="list"
            aria-activedescendant={shown && at >= 0 ? `${id}-${at}` : undefined}
            value={query}
            onFocus={load}
            onBlur={() => setOpen(false)}
            onKeyDown={key}
            onInput={(e) => (setQuery(e.currentTarget.value), setAt(-1), setOpen(true))}
          />
          <Options id={id} found={shown ? found : []} at={at} onChoose={choose} />
          <p class="dp-combo__says" role="status">{shown && says(list, found.length, query)}</p>
        </div>
      )}
    </Field>
  )
}

function says(list: List | undefined, count: number, query: string): string {
  if (!list) return t('diagnosis.codeLoading')
  return count === 0 ? t('diagnosis.codeNone', { query }) : t('diagnosis.codeFound', { count })
}

function moved(key: string, at: number, count: number): number | undefined {
  if (count === 0) return undefined
  if (key === 'ArrowDown') return (at + 1) % count
  if (key === 'ArrowUp') return (at <= 0 ? count : at) - 1
  return undefined
}

function Options({ id, found, at, onChoose }: { id: string; found: Entry[]; at: number; onChoose: (e: Entry) => void }) {
  useEffect(() => document.getElementById(`${id}-${at}`)?.scrollIntoView({ block: 'nearest' }), [id, at])
  return (
    <ul class="dp-combo__list" id={`${id}-list`} role="listbox" aria-label={t('diagnosis.code')} hidden={found.length === 0}>
      {found.map((e, i) => (
        <li key={e.code} id={`${id}-${i}`} role="option" aria-selected={i === at} class="dp-combo__option" onPointerDown={(ev) => ev.preventDefault()} onClick={() => onChoose(e)}>
          <span class="dp-code">{e.code}</span> <span>{e[language()]}</span>
        </li>
      ))}
    </ul>
  )
}

interface ChosenCodeProps {
  chosen: Chosen
  list: List | undefined
  /** Takes the focus, which was in the field whose place it takes. */
  focus: boolean
  onLoad: () => void
  onRemove: () => void
}

/** The chosen code with its title in the reader's language, where that is known. */
function ChosenCode({ chosen, list, focus, onLoad, onRemove }: ChosenCodeProps) {
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => {
    onLoad()
    if (focus) box.current?.focus()
  }, [])
  const title = list?.codes.find((e) => e.code === chosen.code)?.[language()] ?? chosen.display
  return (
    <div class="nhsuk-form-group">
      <p class="nhsuk-label">{t('diagnosis.code')}</p>
      <div class="dp-chosen" role="group" aria-label={`${t('diagnosis.code')}: ${chosen.code} ${title}`} tabIndex={-1} ref={box}>
        <Tag tone="info">{chosen.code}</Tag> <span>{title}</span>
        <Button kind="quiet" size="small" icon="cross" onClick={onRemove}>{t('diagnosis.codeRemove')}</Button>
      </div>
    </div>
  )
}
