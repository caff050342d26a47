import type { ComponentChildren } from 'preact'
import { useRef, useState } from 'preact/hooks'
import { announce } from '../announce.ts'
import { formatNumber } from '../format.ts'
import { word } from '../words.ts'
import { Button, type ButtonProps } from './Button.tsx'
import { Field, type FieldProps, TextInput, type TextInputProps } from './Field.tsx'
import { Icon } from './Icon.tsx'

export interface FileInputProps extends FieldProps {
  files: File[]
  onFiles: (files: File[]) => void
  /** As the attribute: .csv,application/json */
  accept?: string
  multiple?: boolean
  disabled?: boolean
}

/** Chooses files, by a dialog or by dropping them, and lists them. */
export function FileInput({ files, onFiles, accept, multiple, disabled, ...field }: FileInputProps) {
  const [over, setOver] = useState(false)
  const input = useRef<HTMLInputElement>(null)
  const add = (list: FileList | null | undefined) => {
    const chosen = [...(list ?? [])]
    if (chosen.length > 0) onFiles(multiple ? [...files, ...chosen] : chosen.slice(0, 1))
    if (input.current) input.current.value = '' // the same file can be chosen again
  }
  const drop = (e: DragEvent) => {
    e.preventDefault()
    setOver(false)
    if (!disabled) add(e.dataTransfer?.files)
  }
  return (
    <Field {...field}>
      {(control) => (
        <>
          <div class={`mu-drop${over ? ' mu-drop--over' : ''}`} onDragOver={(e) => (e.preventDefault(), setOver(true))} onDragLeave={() => setOver(false)} onDrop={drop}>
            <input {...control} class="mu-drop__input" ref={input} type="file" accept={accept} multiple={multiple} disabled={disabled} onChange={(e) => add(e.currentTarget.files)} />
            <span class="mu-drop__face" aria-hidden="true">
              <Icon name="upload" />
              <span><span class="mu-drop__verb">{word(multiple ? 'chooseFiles' : 'chooseFile')}</span> {word(multiple ? 'orDropMany' : 'orDrop')}</span>
            </span>
          </div>
          {files.length > 0 && (
            <ul class="mu-files">
              {files.map((f, i) => (
                <li key={`${f.name}-${i}`}>
                  <Icon name="file" />
                  <span class="mu-files__name">{f.name}</span>
                  <span class="mu-quiet mu-number">{formatBytes(f.size)}</span>
                  <Button kind="quiet" size="small" icon="trash" aria-label={word('removeFile', { name: f.name })} onClick={() => onFiles(files.filter((_, j) => j !== i))} />
                </li>
              ))}
            </ul>
          )}
        </>
      )}
    </Field>
  )
}

/** 3.4 kB */
export function formatBytes(n: number): string {
  const steps = ['byte', 'kilobyte', 'megabyte', 'gigabyte']
  const step = Math.min(steps.length - 1, n < 1000 ? 0 : Math.floor(Math.log10(n) / 3))
  return formatNumber(n / 1000 ** step, { style: 'unit', unit: steps[step]!, unitDisplay: step ? 'short' : 'long', maximumSignificantDigits: 3 })
}

/** A passphrase, hidden until its reader wants to see it. */
export function PassphraseInput(props: Omit<TextInputProps, 'type' | 'action' | 'after' | 'before'>) {
  const [shown, setShown] = useState(false)
  return (
    <TextInput
      autocomplete="current-password"
      {...props}
      type={shown ? 'text' : 'password'}
      spellcheck={false}
      autocapitalize="none"
      action={<Button onClick={() => setShown(!shown)}>{word(shown ? 'hide' : 'show')}</Button>}
    />
  )
}

/** Puts a text on the clipboard and says so. */
export function CopyButton({ text, children, ...rest }: { text: string; children: ComponentChildren } & Omit<ButtonProps, 'onClick'>) {
  const [copied, setCopied] = useState(false)
  const copy = async () => {
    await navigator.clipboard.writeText(text)
    setCopied(true)
    announce(word('copied'))
    setTimeout(() => setCopied(false), 2500)
  }
  return <Button icon={copied ? 'check' : 'copy'} {...rest} onClick={() => void copy()}>{copied ? word('copied') : children}</Button>
}

/** A fingerprint in groups, to be compared by eye or read out. */
export function Fingerprint({ value }: { value: string }) {
  const groups = value.includes(' ') ? value.split(/\s+/) : (value.match(/.{1,4}/g) ?? [])
  return <span class="mu-fingerprint">{groups.map((g, i) => <span key={i}>{g}{i < groups.length - 1 ? ' ' : ''}</span>)}</span>
}
